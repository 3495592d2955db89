# GNU ld, for the building machine: a Python whose -dev package is not there.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; printf "implementation=CPython\nversion=3.13\nshared=true\nabi3=false\nlib_name=python3.13\npointer_width=64\nbuild_flags=\nsuppress_build_script_link_lines=false\n" > /run/config.txt
PYO3_CONFIG_FILE=/run/config.txt cargo build --locked'
