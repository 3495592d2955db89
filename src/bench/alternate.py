"""Runs commands alternately and prints a measurement of each run as JSON.

python3 alternate.py ROUNDS [WARM_UP] < {"name": {"argv": [...], "env": {...}}, ...}

Each run: milliseconds of wall time from before the fork to the exit, milliseconds of CPU time, and the peak resident
memory in kB (wait4(2)); nothing but the kernel runs between the two clock readings. Optional keys of a command:

    stdin        text for its standard input
    keep         true: its output is kept; each run has `status` (the exit status, or the negated signal number),
                 `digest` (SHA-256 of stdout, stderr and status) and up to 4000 characters of `stdout` and `stderr`
    fixedLayout  true: address-space randomization is switched off (personality(2)); each run has `fixedLayout`:
                 whether the kernel allowed it
    empty        a folder whose contents are removed before each run

A command without `keep` must succeed. Commands inherit the working folder. After each iteration, warm-up included,
a line `iteration N` is written to stderr.
"""

import hashlib
import json
import os
import shutil
import sys
import time

ADDR_NO_RANDOMIZE = 0x0040000
KEPT = 4000


def main():
    rounds = int(sys.argv[1])
    warm_up = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    commands = json.load(sys.stdin)
    runs = {name: [] for name in commands}
    for iteration in range(warm_up + rounds):
        for name, command in commands.items():
            run = start(name, command)
            if iteration >= warm_up:
                runs[name].append(run)
        print('iteration', iteration + 1, file=sys.stderr, flush=True)
    json.dump(runs, sys.stdout)


def start(name, command):
    keep = command.get('keep', False)
    if 'empty' in command:
        empty(command['empty'])
    streams = [memory('stdin' in command), memory(keep), memory(keep)]
    if 'stdin' in command:
        os.pwrite(streams[0], command['stdin'].encode(), 0)
    # Without `keep`, stderr stays open, so that the error message of a failed command is seen.
    actions = [(os.POSIX_SPAWN_DUP2, streams[number], number) for number in range(3 if keep else 2)]
    fixed_layout = personality(ADDR_NO_RANDOMIZE) if command.get('fixedLayout') else None
    started = time.perf_counter()
    child = os.posix_spawn(command['argv'][0], command['argv'], command['env'], file_actions=actions)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if fixed_layout is not None:
        personality(0)
    cpu = used.ru_utime + used.ru_stime
    run = {'wall': wall * 1000, 'cpu': cpu * 1000, 'peak': used.ru_maxrss}
    if fixed_layout is not None:
        run['fixedLayout'] = fixed_layout
    if keep:
        run |= outcome(os.waitstatus_to_exitcode(status), *map(content, streams[1:]))
    elif status != 0:
        sys.exit(f'{name}: ended with wait status {status}')
    for number in streams:
        os.close(number)
    return run


def outcome(status, stdout, stderr):
    digest = hashlib.sha256(b'%d\0%d\0%s%s' % (status, len(stdout), stdout, stderr)).hexdigest()
    texts = {name: text.decode(errors='replace')[:KEPT] for name, text in (('stdout', stdout), ('stderr', stderr))}
    return {'status': status, 'digest': digest, **texts}


def memory(kept):
    """A file in memory, or /dev/null where nothing is kept."""
    return os.memfd_create('kept') if kept else os.open('/dev/null', os.O_RDWR)


def content(number):
    return os.pread(number, os.fstat(number).st_size, 0)


def empty(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def personality(persona):
    """Sets the execution domain of this process and its future children; returns whether the kernel allowed it."""
    import ctypes
    return ctypes.CDLL(None).personality(persona) != -1


main()
