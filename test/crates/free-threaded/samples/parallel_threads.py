# /// sample
# title: Threads that run at the same time
# tier: dynamic
# requires: threads
# python: >=3.13
# timeout: 120
# ///
"""PEP 703: two threads that wait for each other without ever giving anything up, and objects that several threads share.

Under a global interpreter lock whoever waits in a loop of bytecode keeps the lock: it is taken away after the switch interval
alone, and that is longer than the time limit here.
"""

import sys
import sysconfig
import threading
import time

print("== the interpreter")
print(sysconfig.get_config_var("Py_GIL_DISABLED"), sys._is_gil_enabled(), sys.abiflags)
print("free-threading" in sys.version)

print("== two threads that need each other")
sys.setswitchinterval(1000)
ROUNDS = 200
turn = 0
given_up = threading.Event()
barrier = threading.Barrier(2)
seen = {0: 0, 1: 0}


def play(me):
    """Waits for its turn in a loop of bytecode, takes it, and gives it to the other."""
    global turn
    barrier.wait()
    deadline = time.monotonic() + 60
    for number in range(ROUNDS):
        while turn != 2 * number + me:
            if time.monotonic() > deadline:
                given_up.set()
                return
        seen[me] += 1
        turn += 1


players = [threading.Thread(target=play, args=(me,)) for me in (0, 1)]
for player in players:
    player.start()
for player in players:
    player.join()
print("in parallel" if not given_up.is_set() else "one after the other", seen, turn)
if sys._is_gil_enabled() or given_up.is_set():
    sys.exit("the threads do not run in parallel")

print("== shared objects")
numbers, counts, lock = [], {}, threading.Lock()
total = 0


def work(me):
    global total
    for number in range(2_000):
        numbers.append(me)
        counts[me, number] = number
        with lock:
            total += 1


workers = [threading.Thread(target=work, args=(me,)) for me in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(len(numbers), [numbers.count(me) for me in range(4)], len(counts), total)

print("== what a thread leaves is seen by others")
results = [None] * 4


def fill(me):
    results[me] = sum(i * i for i in range(1_000 * me))


workers = [threading.Thread(target=fill, args=(me,)) for me in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(results, sys._is_gil_enabled())
