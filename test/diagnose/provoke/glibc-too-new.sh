# A program of Debian 13 on Debian 12.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cat /usr/bin/make' > "$PLACE/make"; chmod +x "$PLACE/make"; outside ./make
