# /// sample
# title: An HTTPS request against a server of its own
# tier: realworld
# requires: files, sockets, threads, module:ssl
# ///
"""A server with a certificate that only this client trusts; the same request is refused where the trust is missing."""

import hashlib
import hmac
import http.client
import http.server
import ssl
import tempfile
import threading
from pathlib import Path

# Made for this script; it stands for `localhost` and is trusted by nobody else.
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgn10TO65PKS2mWoa0
XmP9rLzu3oH7u8FxMTPnFVlrJ6+hRANCAASdIlIdAf1nSKLhiYJ66UTPGLIdNzvP
3ZbNDUIxTLC7oE0uxzNVPf6st+jOxt7E+r27rQUDPr3k496YBaggv9yL
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIUC4Spav79ITJ7WVBj1c+NgOz0wdAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTEyNTUyNVoYDzIxMjYxMDI4
MTI1NTI1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASdIlIdAf1nSKLhiYJ66UTPGLIdNzvP3ZbNDUIxTLC7oE0uxzNVPf6s
t+jOxt7E+r27rQUDPr3k496YBaggv9yLo2kwZzAdBgNVHQ4EFgQUsYg/ZW5/+BC9
zYr0Ateq+OXKyl0wHwYDVR0jBBgwFoAUsYg/ZW5/+BC9zYr0Ateq+OXKyl0wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgbdvIJQ/ZIjrBnGzMWbr8hZa8s/vV4viTq193uC2y1bMCIHj+yz7c0bRW
J3zyGVASwV2c/0o4uilajpd7VezncXDZ
-----END CERTIFICATE-----
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = f"{self.path} {hashlib.sha256(body).hexdigest()} {self.connection.version()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


def request(context, name, port):
    connection = http.client.HTTPSConnection(name, port, context=context, timeout=20)
    try:
        connection.request("POST", "/digest", body="ňjörd".encode() * 5000)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


with tempfile.TemporaryDirectory() as folder:
    files = [Path(folder, "key.pem"), Path(folder, "certificate.pem")]
    for file, text in zip(files, (KEY, CERTIFICATE)):
        file.write_text(text)
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(files[1], files[0])

server = Server(("127.0.0.1", 0), Handler)
server.socket = there.wrap_socket(server.socket, server_side=True)
port = server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()

trusting = ssl.create_default_context(cadata=CERTIFICATE)
print(request(trusting, "localhost", port))

for what, context, name in (
    ("unknown authority", ssl.create_default_context(), "localhost"),
    ("another name", trusting, "127.0.0.1"),
):
    try:
        request(context, name, port)
    except ssl.SSLCertVerificationError as error:
        print(what, error.verify_code, error.verify_message)

old = ssl.create_default_context(cadata=CERTIFICATE)
old.maximum_version = ssl.TLSVersion.TLSv1_2
print(request(old, "localhost", port)[1].split()[-1])

server.shutdown()
server.server_close()
for name in ("md5", "sha1", "sha512", "sha3_256", "blake2b"):
    print(name, hashlib.new(name, b"text").hexdigest()[:24])
print(hmac.digest(b"key", b"text", "sha256").hex()[:24])
print(hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 1000).hex()[:24])
print(hashlib.scrypt(b"word", salt=b"salt", n=256, r=8, p=1).hex()[:24])
