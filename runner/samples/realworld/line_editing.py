# /// sample
# title: Lines that are edited as they are typed
# tier: realworld
# requires: files, threads, module:readline, module:fcntl
# ///
"""History, completion and keys of readline; the script types at its own terminal. What both backends have in common."""

import os
import pty
import readline
import sys
import tempfile
import threading

WORDS = ["account", "accrue", "balance", "balance sheet"]


def complete(text, state):
    found = [word for word in WORDS if word.startswith(text)]
    return found[state] if state < len(found) else None


def history():
    return [readline.get_history_item(place + 1) for place in range(readline.get_current_history_length())]


def typed(*rounds):
    """What `input()` gives for each text of keys, on a terminal that is this process' standard input and output."""
    master, slave = pty.openpty()
    sys.stdout.flush()
    saved = [os.dup(0), os.dup(1)]
    for number in (0, 1):
        os.dup2(slave, number)
    os.close(slave)
    asked = threading.Semaphore(0)

    def read():
        text = b""
        while True:
            try:
                text += os.read(master, 4096)
            except OSError:
                return
            if b"> " in text:
                text = b""
                asked.release()

    def type_keys():
        for keys in rounds:
            asked.acquire()
            os.write(master, keys)

    threads = [threading.Thread(target=one, daemon=True) for one in (read, type_keys)]
    for thread in threads:
        thread.start()
    lines = []
    try:
        for place in range(len(rounds)):
            try:
                lines.append(input(f"{place}> "))
            except EOFError:
                lines.append("end of file")
    finally:
        for number, one in enumerate(saved):
            os.dup2(one, number)
    threads[1].join()
    return lines


os.environ["TERM"] = "dumb"
editline = readline.backend == "editline"
print(readline.backend in ("readline", "editline"), readline.get_current_history_length())

for line in ("one", "two", "three", "caf\u00e9 \u65e5\u672c"):
    readline.add_history(line)
readline.replace_history_item(1, "TWO")
readline.remove_history_item(0)
print(history(), readline.get_history_item(99))
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "history")
    readline.set_history_length(2)
    print(readline.get_history_length())
    readline.write_history_file(file)
    readline.clear_history()
    print(history())
    readline.read_history_file(file)
    print(history())
    try:
        readline.read_history_file(os.path.join(folder, "nowhere"))
    except OSError as error:
        print(type(error).__name__)
readline.clear_history()
readline.set_history_length(-1)

readline.set_completer(complete)
print(readline.get_completer() is complete)
readline.set_completer_delims(" \t")
print(repr(readline.get_completer_delims()))
# Each has its own language for keys.
readline.parse_and_bind("bind ^I rl_complete" if editline else "tab: complete")
readline.parse_and_bind("bind ^T ed-move-to-beg" if editline else '"\\C-t": beginning-of-line')
print(
    typed(
        b"plain\n",
        b"bal\tx\n",
        b"accru\t= 5\n",
        b"wolrd\x02\x02\x02\x08\x08orl\n",
        b"tail\x14head \n",
        b"\x10\x10\x01again: \n",
        b"gone\x15kept\n",
        b"\x04",
    )
)
print(history())
readline.set_startup_hook(lambda: readline.insert_text("begun "))
print(typed(b"and done\n"))
readline.set_startup_hook(None)
readline.set_auto_history(False)
print(typed(b"unrecorded\n"), history()[-1])
