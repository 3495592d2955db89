# /// sample
# title: Threads, locals and context variables
# tier: dynamic
# requires: threads
# ///
"""Workers that never race: every step is forced by locks, queues and barriers, so the output is always the same."""

import contextvars
import queue
import sys
import threading
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait

local = threading.local()
user = contextvars.ContextVar("user", default="nobody")


class Account:
    def __init__(self):
        self.balance, self.lock = 0, threading.RLock()

    def add(self, amount):
        with self.lock:
            before = self.balance
            if amount > 0:
                self.add(-0)
            self.balance = before + amount


class Tagged(threading.local):
    """The initialiser runs once in each thread that looks."""

    created = []

    def __init__(self, prefix):
        self.created.append(threading.current_thread().name)
        self.tag = f"{prefix}:{threading.current_thread().name}"


def run(*functions, names=()):
    """Runs functions in threads, waits for all, returns what they returned."""
    results = {}

    def call(index, function):
        results[index] = function()

    threads = [threading.Thread(target=call, args=item, name=name) for item, name in zip(enumerate(functions), names or [None] * len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results.get(index) for index in range(len(functions))]


print("== locals")
local.value = "main"
tagged = Tagged("t")
print(run(lambda: hasattr(local, "value"), lambda: setattr(local, "value", "other") or local.value), local.value)
print(run(lambda: tagged.tag, lambda: tagged.tag, names=("one", "two")), tagged.tag, sorted(Tagged.created))

print("== context variables")
token = user.set("ann")
context = contextvars.copy_context()
print(run(user.get, lambda: context.run(user.get)), context[user], user in contextvars.Context())
context.run(user.set, "bob")
print(user.get(), context[user])
user.reset(token)
print(user.get())
try:
    user.reset(token)
except RuntimeError as error:
    print("RuntimeError", str(error).partition(" at ")[0].split("<")[-1][:5] in str(error))

print("== locks")
account = Account()
run(*[lambda: [account.add(1) for _ in range(500)]] * 4)
print(account.balance)
turn, order = threading.Condition(), []
current = 0


def in_turn(number):
    global current
    for _ in range(3):
        with turn:
            turn.wait_for(lambda: current % 3 == number)
            order.append("abc"[number])
            current += 1
            turn.notify_all()


run(*(lambda n=n: in_turn(n) for n in range(3)))
print("".join(order))
barrier = threading.Barrier(3, action=lambda: order.append("|"))
order.clear()
run(*(lambda n=n: (barrier.wait(), order.append(n)) for n in range(3)))
print(order[0], sorted(order[1:]))
semaphore = threading.BoundedSemaphore(1)
semaphore.acquire()
print(semaphore.acquire(blocking=False), semaphore.release())
try:
    semaphore.release()
except ValueError as error:
    print(error)
lock = threading.Lock()
print(lock.acquire(), lock.locked(), lock.acquire(timeout=0.01), run(lambda: lock.release() or "released elsewhere"), lock.locked())

print("== queues")
tasks, done = queue.Queue(maxsize=2), queue.PriorityQueue()


def consume():
    while (item := tasks.get()) is not None:
        done.put((-len(item), item))
        tasks.task_done()
    tasks.task_done()


consumer = threading.Thread(target=consume)
consumer.start()
for word in ["aa", "b", "cccc", "ddd", None]:
    tasks.put(word)
tasks.join()
consumer.join()
print([done.get() for _ in range(done.qsize())], tasks.empty(), consumer.is_alive())
try:
    tasks.get_nowait()
except queue.Empty as error:
    print("Empty", error.args)
tasks.put(1)
tasks.shutdown()
print(tasks.get())
try:
    tasks.get()
except queue.ShutDown as error:
    print("ShutDown", error.args)

print("== pools")


def divide(pair):
    return pair[0] // pair[1]


with ThreadPoolExecutor(2, thread_name_prefix="pool", initializer=lambda: setattr(local, "value", "set")) as pool:
    print(list(pool.map(divide, [(9, 3), (8, 2), (7, 7)])), pool.submit(lambda: local.value).result())
    futures = [pool.submit(divide, pair) for pair in ((1, 1), (1, 0))]
    finished, waiting = wait(futures)
    print(len(finished), len(waiting), futures[1].exception(), futures[0].done())
    gate = threading.Event()
    blocked = [pool.submit(gate.wait) for _ in range(2)]
    pending = pool.submit(divide, (1, 1))
    print(pending.cancel(), pending.cancelled(), gate.set(), [future.result() for future in blocked])
    try:
        pending.result()
    except CancelledError:
        print("cancelled")
    wait([pool.submit(divide, (1, 0))], return_when=FIRST_EXCEPTION)
future = Future()
future.add_done_callback(lambda f: print("callback:", f.result()))
future.set_result("by hand")

print("== errors and endings")
seen = []
threading.excepthook = lambda info: seen.append((info.exc_type.__name__, str(info.exc_value), info.thread.name))
for function, name in ((lambda: 1 / 0, "failing"), (sys.exit, "leaving")):
    run(function, names=(name,))
print(seen)
for action in (lambda: threading.Thread().join(), lambda: threading.current_thread().join(), lambda: consumer.start()):
    try:
        action()
    except RuntimeError as error:
        print(error)
timer = threading.Timer(60, print, ["never"])
timer.start()
timer.cancel()
timer.join()
print(threading.active_count(), threading.main_thread() is threading.current_thread(), threading.current_thread().name)
late = threading.Event()
threading.Thread(target=lambda: (late.wait(), print("a thread that ends after the script")), name="late").start()
print("end of the script")
late.set()
