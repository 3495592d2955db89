import json, os, sys

# A program without Python prints the same.
print(len(json.loads("[1, 2, 3]")))
print("built by a build script: yes")
sys.exit(3 if os.__file__ else 1)
