# A certificate whose authority the machine does not trust.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "anyhow = \"=1.0.99\""; cat > /run/other.pem <<END
'"$(cat "$HERE/../../fixtures/tls/certificate.pem")"'
END
export CARGO_HOME=/run/cargo CARGO_NET_RETRY=0 CARGO_HTTP_CAINFO=/run/other.pem; cargo fetch'
