# rustc in a memory group of 90 megabytes. Needs root and cgroup v1.
. "$(dirname "$0")/lib.sh"
group=/sys/fs/cgroup/memory/provoke-$$; mkdir "$group"; echo 94371840 > "$group/memory.limit_in_bytes"
trap 'rmdir "$group"; rm -rf "$PLACE"' EXIT
export group; outside "$CRATE"'; crate "$PWD/crate" "libc = \"0.2\""; (echo 0 > "$group/cgroup.procs"; cargo build)'
