"""Runs commands in turn and says, as JSON, how each went.

python3 alternate.py ROUNDS [WARM_UP] < {"name": {"argv": [...], "env": {...}}, ...}

Each run: milliseconds of wall time from before the fork to the end, of CPU time, and the peak resident memory in kB
(wait4(2)), with nothing between the two clocks but the kernel. A command may also say

    stdin   text for its standard input
    keep    true: its output is kept; each run carries `status` (that of the exit, or less than 0: the signal), `digest`
            (SHA-256 of stdout, stderr and status) and what it printed, up to 4000 characters of each stream
    still   true: it is loaded at the same addresses each time (personality(2)); a run carries `still`: whether the
            kernel let us
    empty   a folder whose content is removed before each run

A command that is not kept must succeed. The working folder is handed on. For each turn a line on stderr: `turn N`.
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
    for turn in range(warm_up + rounds):
        for name, command in commands.items():
            run = start(name, command)
            if turn >= warm_up:
                runs[name].append(run)
        print('turn', turn + 1, file=sys.stderr, flush=True)
    json.dump(runs, sys.stdout)


def start(name, command):
    keep = command.get('keep', False)
    if 'empty' in command:
        empty(command['empty'])
    streams = [memory('stdin' in command), memory(keep), memory(keep)]
    if 'stdin' in command:
        os.pwrite(streams[0], command['stdin'].encode(), 0)
    # What is not kept may still say on stderr why it failed.
    actions = [(os.POSIX_SPAWN_DUP2, streams[number], number) for number in range(3 if keep else 2)]
    still = personality(ADDR_NO_RANDOMIZE) if command.get('still') else None
    started = time.perf_counter()
    child = os.posix_spawn(command['argv'][0], command['argv'], command['env'], file_actions=actions)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - started
    if still is not None:
        personality(0)
    cpu = used.ru_utime + used.ru_stime
    run = {'wall': wall * 1000, 'cpu': cpu * 1000, 'peak': used.ru_maxrss}
    if still is not None:
        run['still'] = still
    if keep:
        run |= ending(os.waitstatus_to_exitcode(status), *map(content, streams[1:]))
    elif status != 0:
        sys.exit(f'{name}: ended with wait status {status}')
    for number in streams:
        os.close(number)
    return run


def ending(status, stdout, stderr):
    digest = hashlib.sha256(b'%d\0%d\0%s%s' % (status, len(stdout), stdout, stderr)).hexdigest()
    texts = {name: text.decode(errors='replace')[:KEPT] for name, text in (('stdout', stdout), ('stderr', stderr))}
    return {'status': status, 'digest': digest, **texts}


def memory(wanted):
    """A file that is nowhere; /dev/null where nothing is to be kept."""
    return os.memfd_create('kept') if wanted else os.open('/dev/null', os.O_RDWR)


def content(number):
    return os.pread(number, os.fstat(number).st_size, 0)


def empty(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def personality(persona):
    """Of this process and of those that it starts from now on; whether the kernel agreed."""
    import ctypes
    return ctypes.CDLL(None).personality(persona) != -1


main()
