# /// sample
# title: Windows and panels on a terminal
# tier: realworld
# requires: files, module:curses, module:fcntl
# ///
"""A terminal of the script's own, with a description that it writes itself: what is drawn is read from the other end."""

import curses
import curses.ascii
import curses.panel
import curses.textpad
import fcntl
import locale
import os
import pty
import struct
import sys
import tempfile
import termios

# term(5), "Storage format": numbers and strings by their place in the list of capabilities.
NUMBERS = {0: 40, 2: 10, 13: 8, 14: 64}
FLAGS = {1: 1, 14: 1, 28: 1}
STRINGS = {
    1: b"\a",
    2: b"\r",
    5: b"\x1b[H\x1b[2J",
    6: b"\x1b[K",
    7: b"\x1b[J",
    10: b"\x1b[%i%p1%d;%p2%dH",
    11: b"\n",
    12: b"\x1b[H",
    13: b"\x1b[?25l",
    14: b"\b",
    16: b"\x1b[?25h",
    27: b"\x1b[1m",
    34: b"\x1b[7m",
    36: b"\x1b[4m",
    39: b"\x1b[m",
    297: b"\x1b[39;49m",
    359: b"\x1b[3%p1%dm",
    360: b"\x1b[4%p1%dm",
    79: b"\x1b[B",
    61: b"\x1b[A",
}


def description():
    """A compiled entry (term(5)) of the terminal `glass`."""
    names = b"glass|a terminal of glass\0"
    flags = bytes(FLAGS.get(place, 0) for place in range(44))
    numbers = [NUMBERS.get(place, -1) for place in range(39)]
    table, offsets = b"", []
    for place in range(414):
        text = STRINGS.get(place)
        offsets.append(-1 if text is None else len(table))
        if text is not None:
            table += text + b"\0"
    header = struct.pack("<6h", 0o432, len(names), len(flags), len(numbers), len(offsets), len(table))
    padding = b"\0" * ((len(names) + len(flags)) % 2)
    return header + names + flags + padding + struct.pack("<39h", *numbers) + struct.pack("<414h", *offsets) + table


class Glass:
    """The master's side of a pseudo-terminal whose other end is this process' standard input and output."""

    def __init__(self, lines, columns):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        sys.stdout.flush()
        self.saved = [os.dup(0), os.dup(1)]
        for number in (0, 1):
            os.dup2(slave, number)
        os.close(slave)

    def shown(self):
        """All that came out since the last time, up to a mark of our own."""
        os.write(1, b"\x1e")
        text = b""
        while not text.endswith(b"\x1e"):
            text += os.read(self.master, 65536)
        return text[:-1]

    def type(self, keys):
        os.write(self.master, keys)

    def close(self):
        for number, saved in enumerate(self.saved):
            os.dup2(saved, number)


def draw(screen, glass, told):
    told.append(("size", screen.getmaxyx(), curses.has_colors(), curses.COLORS, curses.COLOR_PAIRS, curses.longname()))
    curses.start_color()
    curses.init_pair(1, curses.COLOR_YELLOW, curses.COLOR_BLUE)
    screen.addstr(0, 0, "Ledger", curses.A_BOLD)
    screen.addstr(1, 2, "caf\u00e9 \u65e5\u672c \u2713", curses.color_pair(1))
    screen.refresh()
    told.append(("drawn", glass.shown()))

    below, above = (curses.newwin(4, 12, 3, left) for left in (2, 8))
    for window, text in ((below, "below"), (above, "above")):
        window.erase()
        window.border("|", "|", "-", "-", "+", "+", "+", "+")
        window.addstr(1, 1, text, curses.A_REVERSE)
    panels = [curses.panel.new_panel(window) for window in (below, above)]
    curses.panel.update_panels()
    curses.doupdate()
    told.append(("panels", glass.shown()))
    told.append(("on top", curses.panel.top_panel() is panels[1], panels[0].above() is panels[1], panels[1].hidden()))
    panels[0].top()
    panels[1].move(2, 20)
    curses.panel.update_panels()
    curses.doupdate()
    told.append(("moved", glass.shown(), panels[1].window().getbegyx()))
    panels[0].hide()
    curses.panel.update_panels()
    curses.doupdate()
    told.append(("hidden", glass.shown(), panels[0].hidden()))

    pad = curses.newpad(20, 60)
    for line in range(20):
        pad.addstr(line, 0, f"row {line} " + "." * 40)
    pad.refresh(5, 2, 7, 0, 9, 12)
    told.append(("pad", glass.shown(), pad.instr(6, 0, 5), chr(pad.inch(5, 4) & 0xFF)))

    glass.type(b"q\x01\xc3\xbc")
    told.append(("keys", screen.getkey(), curses.ascii.unctrl(screen.getch()), screen.get_wch()))
    box = curses.textpad.Textbox(curses.newwin(2, 10, 0, 20))
    glass.type(b"twelve\x08\x08\x01>\x07")
    told.append(("typed", box.edit(), glass.shown()))
    try:
        screen.addstr(50, 50, "outside")
    except curses.error as error:
        told.append(("outside", str(error)))


def main():
    locale.setlocale(locale.LC_ALL, "")
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "g"))
        with open(os.path.join(folder, "g", "glass"), "wb") as file:
            file.write(description())
        os.environ.update(TERMINFO=folder, TERM="glass")
        for name in ("LINES", "COLUMNS"):
            os.environ.pop(name, None)
        told = []
        glass = Glass(10, 40)
        try:
            curses.wrapper(draw, glass, told)
            told.append(("left", glass.shown()))
        finally:
            glass.close()
    for what, *values in told:
        print(what, *values)
    print(curses.tigetnum("colors"), curses.tigetflag("am"), curses.tigetstr("cup"), curses.tigetflag("nothing"))
    print(curses.tparm(curses.tigetstr("cup"), 4, 17), curses.tparm(curses.tigetstr("setaf"), 3))
    print(sorted(name for name in dir(curses.panel.panel) if not name.startswith("_")), curses.ncurses_version.major)


main()
