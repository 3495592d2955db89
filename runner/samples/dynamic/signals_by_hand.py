# /// sample
# title: Signal handlers, raised by the script itself
# tier: dynamic
# requires: signals
# ///
"""A service loop that reloads, counts and stops on signals; handlers run between bytecodes of the main thread."""

import contextlib
import signal
import sys

received = []


class Stop(Exception):
    pass


@contextlib.contextmanager
def handling(number, handler):
    before = signal.signal(number, handler)
    try:
        yield before
    finally:
        signal.signal(number, before)


def name_of(handler):
    if isinstance(handler, signal.Handlers):
        return handler.name
    return getattr(handler, "__name__", repr(handler))


def record(number, frame):
    received.append((signal.Signals(number).name, frame.f_code.co_name))


def stop(number, frame):
    raise Stop(signal.Signals(number).name)


class Service:
    def __init__(self):
        self.config, self.reloads, self.handled = {"version": 1}, 0, 0

    def reload(self, number, frame):
        self.reloads += 1
        self.config = {"version": self.config["version"] + 1}

    def run(self, events):
        log = []
        with handling(signal.SIGUSR1, self.reload), handling(signal.SIGTERM, stop):
            try:
                for event in events:
                    if isinstance(event, signal.Signals):
                        signal.raise_signal(event)
                    else:
                        log.append(f"{event}@v{self.config['version']}")
                        self.handled += 1
            except Stop as error:
                log.append(f"stopped by {error}")
            finally:
                log.append("cleaned up")
        return log


print("== defaults")
print(name_of(signal.getsignal(signal.SIGINT)), name_of(signal.getsignal(signal.SIGTERM)), name_of(signal.getsignal(signal.SIGPIPE)))
print(signal.SIGINT == 2, signal.Signals(15).name, isinstance(signal.SIGTERM, int), repr(signal.SIG_DFL), signal.Signals["SIGKILL"] == 9)

print("== handlers")
with handling(signal.SIGUSR1, record) as before:
    print("before:", name_of(before), "now:", name_of(signal.getsignal(signal.SIGUSR1)))

    def inside():
        signal.raise_signal(signal.SIGUSR1)
        return len(received)

    print(inside(), inside(), received)
print(name_of(signal.getsignal(signal.SIGUSR1)))
with handling(signal.SIGUSR2, signal.SIG_IGN):
    signal.raise_signal(signal.SIGUSR2)
    print("ignored")

print("== a service")
service = Service()
print(service.run(["a", signal.SIGUSR1, "b", "c", signal.SIGUSR1, signal.SIGUSR1, "d", signal.SIGTERM, "never"]))
print(service.reloads, service.handled, service.config, name_of(signal.getsignal(signal.SIGTERM)))

print("== interrupts")
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt as error:
    print("KeyboardInterrupt", error.args)
trace = []
try:
    try:
        with handling(signal.SIGINT, stop):
            signal.raise_signal(signal.SIGINT)
            trace.append("not reached")
    finally:
        trace.append("finally")
except Stop:
    trace.append("stop")
print(trace)


def generator():
    try:
        yield 1
        yield 2
    except KeyboardInterrupt:
        yield "interrupted inside"


numbers = generator()
next(numbers)
print(numbers.throw(KeyboardInterrupt()))
with handling(signal.SIGUSR1, lambda number, frame: received.append(sys._getframe(1).f_code.co_name)):
    received.clear()
    squares = [n * n for n in range(3) if signal.raise_signal(signal.SIGUSR1) is None]
    print(squares, received)

print("== masks")
with handling(signal.SIGUSR1, record):
    received.clear()
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    signal.raise_signal(signal.SIGUSR1)
    print("blocked:", received, signal.SIGUSR1 in old)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    print("unblocked:", received)

print("== refusals")
for action in (
    lambda: signal.signal(signal.SIGKILL, record),
    lambda: signal.signal(signal.SIGUSR1, "text"),
    lambda: signal.signal(0, record),
    lambda: signal.Signals(1000),
    lambda: signal.raise_signal("SIGINT"),
):
    try:
        action()
    except (OSError, TypeError, ValueError) as error:
        print(type(error).__name__, "" if isinstance(error, OSError) else error)


def failing(number, frame):
    raise ZeroDivisionError("from the handler")


with handling(signal.SIGUSR1, failing):
    try:
        signal.raise_signal(signal.SIGUSR1)
    except ZeroDivisionError as error:
        print(error, error.__traceback__.tb_next.tb_frame.f_code.co_name)
