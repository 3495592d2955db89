"""Runs commands in turn and says, as JSON, how each went.

python3 alternate.py ROUNDS < {"name": {"argv": [...], "env": {...}}, ...}

Each run: milliseconds of wall time from before the fork to the end, of CPU time, and the peak resident memory in kB
(wait4(2)), with nothing between the two clocks but the kernel.
"""

import json
import os
import sys
import time

commands = json.load(sys.stdin)
nothing = os.open('/dev/null', os.O_RDWR)
runs = {name: [] for name in commands}
for _ in range(int(sys.argv[1])):
    for name, command in commands.items():
        started = time.perf_counter()
        child = os.posix_spawn(
            command['argv'][0], command['argv'], command['env'],
            file_actions=[(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, nothing, 1)])
        _, status, used = os.wait4(child, 0)
        wall = time.perf_counter() - started
        if status != 0:
            sys.exit(f'{name}: ended with wait status {status}')
        cpu = used.ru_utime + used.ru_stime
        runs[name].append({'wall': wall * 1000, 'cpu': cpu * 1000, 'peak': used.ru_maxrss})
json.dump(runs, sys.stdout)
