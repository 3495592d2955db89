# The runner's own words. BUNDLE: an unpacked bundle of this machine.
. "$(dirname "$0")/lib.sh"
cp -r "$BUNDLE/bin" "$BUNDLE/lib" "$PLACE/"; rm -rf "$PLACE"/lib/python3*; echo 'print(1)' > "$PLACE/x.py"
"$PLACE/bin/isolate" "$PLACE/x.py" 2>&1 | scrub
