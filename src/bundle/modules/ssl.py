

# Appended by provision to this module of a bundle, which runs on systems that have their trusted certificates elsewhere than
# where its OpenSSL was configured to look. What the user states counts first (SSL_CERT_FILE, SSL_CERT_DIR), then what OpenSSL
# finds itself, then the places of other distributions, then the certificates of the bundle, where it brings some.
def _in_bundle(load_own, describe_own):
    # Those of Go's crypto/x509 (root_linux.go), in its order, then further ones of the crate openssl-probe.
    files = (
        '/etc/ssl/certs/ca-certificates.crt',                 # Debian, Ubuntu, Arch, Gentoo, Alpine
        '/etc/pki/tls/certs/ca-bundle.crt',                   # Fedora, RHEL, Amazon Linux
        '/etc/ssl/ca-bundle.pem',                             # SUSE
        '/etc/pki/tls/cacert.pem',                            # OpenELEC
        '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',  # RHEL 7 and later, Fedora 43
        '/etc/ssl/cert.pem',                                  # Alpine
        '/etc/pki/tls/cert.pem',                              # older Fedora and RHEL
        '/opt/etc/ssl/certs/ca-certificates.crt',             # Entware
        '/data/data/com.termux/files/usr/etc/tls/cert.pem',   # Termux
    )
    folders = ('/etc/ssl/certs', '/etc/pki/tls/certs', '/system/etc/security/cacerts')
    bundled = os.path.join(os.path.dirname(__file__), 'system-data', 'ca-certificates.crt')

    def is_hashed(name):
        # What OpenSSL looks for in a folder, e.g. 002c0b4f.0 (openssl-rehash(1)).
        return name[8:9] == '.' and name[9:].isdigit() and set(name[:8]) <= set('0123456789abcdef')

    def is_file(path):
        try:
            return os.path.getsize(path) > 0 and os.path.isfile(path)
        except OSError:
            return False

    def is_folder(path):
        try:
            with os.scandir(path) as entries:
                return any(is_hashed(entry.name) for entry in entries)
        except OSError:
            return False

    def elsewhere():
        file_variable, file, folder_variable, folder = _ssl.get_default_verify_paths()
        if file_variable in os.environ or folder_variable in os.environ or is_file(file) or is_folder(folder):
            return
        yield from ((path, None) for path in files if is_file(path))
        yield from ((None, path) for path in folders if is_folder(path))
        if is_file(bundled):
            yield bundled, None

    def set_default_verify_paths(self):
        """Load the certificates that this system trusts, from where OpenSSL or another distribution has them."""
        load_own(self)
        for file, folder in elsewhere():
            try:
                return self.load_verify_locations(file, folder)
            except OSError:
                # It cannot be read, or has no certificate in it.
                continue

    def get_default_verify_paths():
        paths = describe_own()
        for file, folder in elsewhere():
            return paths._replace(cafile=file, capath=folder)
        return paths

    get_default_verify_paths.__doc__ = describe_own.__doc__
    get_default_verify_paths.__qualname__ = describe_own.__qualname__
    set_default_verify_paths.__qualname__ = f'{SSLContext.__qualname__}.set_default_verify_paths'
    SSLContext.set_default_verify_paths = set_default_verify_paths
    return get_default_verify_paths


get_default_verify_paths = _in_bundle(SSLContext.set_default_verify_paths, get_default_verify_paths)
del _in_bundle
