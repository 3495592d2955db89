# /// sample
# title: Lines that are edited as they are typed
# tier: realworld
# requires: files, threads, module:readline
# ///
"""History, completion and keys of readline; the script types at its own terminal. What both backends have in common."""

import os
import pty
import sys
import tempfile
import threading

WORDS = ["account", "accrue", "balance", "balance sheet"]


class Keyboard:
    """A pseudo-terminal whose other end is this process' standard streams: one of them rings its bell."""

    count = 0

    def __init__(self):
        self.master, slave = pty.openpty()
        self.saved = [os.dup(number) for number in range(3)]
        for number in range(3):
            os.dup2(slave, number)
        os.close(slave)
        self.waiting = []
        threading.Thread(target=self.type_keys, daemon=True).start()

    def type_keys(self):
        """Types what is waiting, each when its prompt is shown for the first time."""
        text = b""
        while True:
            try:
                text += os.read(self.master, 4096)
            except OSError:
                return
            if self.waiting and self.waiting[0][0].encode() in text:
                os.write(self.master, self.waiting.pop(0)[1])

    def typed(self, *lines):
        """What `input()` gives for each text of keys."""
        prompts = [f"line {self.count + place}: " for place in range(len(lines))]
        self.count += len(lines)
        self.waiting += zip(prompts, lines)
        return [self.input(prompt) for prompt in prompts]

    def input(self, prompt):
        try:
            return input(prompt)
        except EOFError:
            return "end of file"

    def close(self):
        for number, saved in enumerate(self.saved):
            os.dup2(saved, number)


def complete(text, state):
    found = [word for word in WORDS if word.startswith(text)]
    return found[state] if state < len(found) else None


def main(keyboard, tell):
    # Whether there is a terminal is looked at once, when it is imported.
    import readline

    def history():
        return [readline.get_history_item(place + 1) for place in range(readline.get_current_history_length())]

    editline = readline.backend == "editline"
    tell(readline.backend in ("readline", "editline"), readline.get_current_history_length())

    for line in ("one", "two", "three", "caf\u00e9 \u65e5\u672c"):
        readline.add_history(line)
    readline.replace_history_item(1, "TWO")
    readline.remove_history_item(0)
    tell(history(), readline.get_history_item(99))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "history")
        for length in (-1, 2):
            readline.set_history_length(length)
            readline.write_history_file(file)
            readline.clear_history()
            readline.read_history_file(file)
            tell(readline.get_history_length(), history())
        try:
            readline.read_history_file(os.path.join(folder, "nowhere"))
        except OSError as error:
            tell(type(error).__name__)
    readline.clear_history()

    readline.set_completer(complete)
    tell(readline.get_completer() is complete)
    readline.set_completer_delims(" \t")
    tell(repr(readline.get_completer_delims()))
    # Each has its own language for keys.
    readline.parse_and_bind("bind ^I rl_complete" if editline else "tab: complete")
    readline.parse_and_bind("bind ^T ed-move-to-beg" if editline else '"\\C-t": beginning-of-line')
    lines = [
        b"plain\n",
        b"bal\tx\n",
        b"accru\t= 5\n",
        b"wolrd\x02\x02\x02\x08\x08orl\n",
        b"tail\x14head \n",
        b"\x10\x10\x01again: \n",
        b"gone\x01\x0bkept\n",
        b"\x04",
    ]
    tell(keyboard.typed(*lines))
    tell(history())
    readline.set_auto_history(False)
    tell(keyboard.typed(b"unrecorded\n"), history()[-1])


os.environ["TERM"] = "dumb"
told = []
keyboard = Keyboard()
try:
    main(keyboard, lambda *values: told.append(values))
finally:
    keyboard.close()
for values in told:
    print(*values)
