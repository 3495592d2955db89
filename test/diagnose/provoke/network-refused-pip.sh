# pip, with a proxy that nobody listens at.
. "$(dirname "$0")/lib.sh"
outside 'python3 -m venv --system-site-packages venv; unset PIP_FIND_LINKS PIP_NO_INDEX REQUESTS_CA_BUNDLE SSL_CERT_FILE; PIP_CONFIG_FILE=/dev/null HTTPS_PROXY=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 PIP_RETRIES=1 venv/bin/python -m pip download --no-deps --no-cache-dir --disable-pip-version-check wasmtime==50.0.1'
