# /// sample
# title: Several interpreters in one process
# tier: dynamic
# requires: threads, module:_interpreters
# python: >=3.14
# timeout: 120
# ///
"""PEP 734: interpreters with their own modules and their own lock, what passes between them, and what does not."""

import sys
import textwrap
import threading
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor

print("== isolated")
main, one, other = interpreters.get_main(), interpreters.create(), interpreters.create()
print(interpreters.get_current() == main, len(interpreters.list_all()), one == other, one in interpreters.list_all())
sys.only_here = "main"
one.exec("import sys; sys.only_here = 'one'; number = 41")
other.exec("import sys; print('other has it:', hasattr(sys, 'only_here'))")
one.exec("number += 1; print('one:', sys.only_here, number)")
print("main:", sys.only_here)

print("== values go in, results come out")
one.prepare_main(text="héllo", items=(1, 2.5, None, b"\x00\xff"))
one.exec("print(text, items, type(items).__name__)")


def work(limit):
    return sum(n for n in range(limit) if n % 7 == 0)


print(one.call(work, 1000), other.call(divmod, 17, 5))

print("== errors")
try:
    one.exec("{}['missing']")
except interpreters.ExecutionFailed as error:
    print(type(error).__name__, error.excinfo.type.__name__, error.excinfo.msg)
try:
    one.call(work, "many")
except interpreters.ExecutionFailed as error:
    print(error.excinfo.type.__name__, error.excinfo.msg)
one.exec("print('still alive', number)")

print("== queues")
tasks, answers = interpreters.create_queue(), interpreters.create_queue()
script = textwrap.dedent(
    """
    while (task := tasks.get()) is not None:
        name, numbers = task
        answers.put((name, len(numbers), sum(numbers)))
    answers.put("end")
    """
)
one.prepare_main(tasks=tasks, answers=answers)
thread = threading.Thread(target=one.exec, args=(script,))
thread.start()
for name in ("a", "b", "c"):
    tasks.put((name, tuple(range(ord(name)))))
tasks.put(None)
while (answer := answers.get(timeout=60)) != "end":
    print(answer)
thread.join()
print(tasks.empty(), answers.empty())

print("== memory that is shared")
data = bytearray(b"shared memory")
with memoryview(data) as view:
    one.prepare_main(view=view)
    one.exec("view[0:6] = b'SHARED'; view.release()")
print(data)

print("== what cannot be passed")
for name, value in (("a lock", threading.Lock()), ("a generator", (n for n in ()))):
    try:
        one.prepare_main(value=value)
    except interpreters.NotShareableError as error:
        print(name, "-", type(error).__name__)
    print(name, interpreters.is_shareable(value), interpreters.is_shareable(7))

print("== a pool")
with InterpreterPoolExecutor(max_workers=2) as pool:
    print(list(pool.map(work, (10, 100, 1000, 10000))))

print("== closed")
other.close()
try:
    other.exec("1")
except interpreters.InterpreterNotFoundError as error:
    print(type(error).__name__)
try:
    main.close()
except interpreters.InterpreterError as error:
    print(type(error).__name__)
one.close()
print(len(interpreters.list_all()))
