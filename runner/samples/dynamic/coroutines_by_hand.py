# /// sample
# title: Coroutines driven by a hand-written loop, no asyncio
# tier: dynamic
# ///
"""A scheduler of a hundred lines: sleeping on a simulated clock, channels, cancellation, async iteration."""

import heapq
import inspect
import itertools
from collections import deque
from types import coroutine


class Cancelled(BaseException): ...


@coroutine
def trap(*request):
    """What a task says to the loop; what the loop answers is the result."""
    return (yield request)


async def sleep(ticks):
    return await trap("sleep", ticks)


class Task:
    counter = itertools.count(1)

    def __init__(self, body, name):
        self.body, self.name, self.number = body, name, next(Task.counter)
        self.done, self.result, self.error, self.waiters = False, None, None, []

    def __await__(self):
        if not self.done:
            yield ("join", self)
        if self.error is not None:
            raise self.error
        return self.result


class Channel:
    def __init__(self, size):
        self.items, self.size, self.getters, self.putters, self.closed = deque(), size, deque(), deque(), False

    async def put(self, item):
        while len(self.items) >= self.size:
            await trap("park", self.putters)
        self.items.append(item)
        await trap("wake", self.getters)

    async def close(self):
        self.closed = True
        await trap("wake", self.getters)

    __aiter__ = lambda self: self

    async def __anext__(self):
        while not self.items:
            if self.closed:
                raise StopAsyncIteration
            await trap("park", self.getters)
        item = self.items.popleft()
        await trap("wake", self.putters)
        return item


class Loop:
    def __init__(self):
        self.now, self.ready, self.sleeping, self.order = 0, deque(), [], itertools.count()

    def spawn(self, body, name=None):
        task = Task(body, name or body.__name__)
        self.ready.append((task, task.body.send, None))
        return task

    def cancel(self, task):
        if not task.done:
            self.sleeping = [entry for entry in self.sleeping if entry[2] is not task]
            heapq.heapify(self.sleeping)
            self.ready.append((task, task.body.throw, Cancelled(f"{task.name} at {self.now}")))

    def run(self, main):
        main = self.spawn(main)
        while not main.done:
            if not self.ready:
                if not self.sleeping:
                    raise RuntimeError(f"deadlock at {self.now}")
                self.now, _, task = heapq.heappop(self.sleeping)
                self.ready.append((task, task.body.send, self.now))
            self.step(*self.ready.popleft())
        if main.error:
            raise main.error
        return main.result

    def step(self, task, resume, value):
        if task.done:
            return
        try:
            request, argument = resume(value)
        except StopIteration as stop:
            task.done, task.result = True, stop.value
        except (Exception, Cancelled) as error:
            task.done, task.error = True, error
        else:
            getattr(self, f"on_{request}")(task, argument)
        if task.done:
            self.ready.extend((waiter, waiter.body.send, None) for waiter in task.waiters)

    def on_sleep(self, task, ticks):
        heapq.heappush(self.sleeping, (self.now + ticks, next(self.order), task))

    def on_join(self, task, other):
        other.waiters.append(task)

    def on_park(self, task, queue):
        queue.append(task)

    def on_wake(self, task, queue):
        self.ready.extend((other, other.body.send, None) for other in queue)
        queue.clear()
        self.ready.append((task, task.body.send, None))


loop = Loop()


def say(text):
    print(f"[{loop.now:>3}] {text}")


async def producer(channel, name, count, pause):
    for number in range(count):
        await sleep(pause)
        await channel.put(f"{name}{number}")
    return f"{name} made {count}"


async def ticker(limit):
    for number in range(limit):
        await sleep(2)
        yield number


async def worker(ticks, outcome):
    try:
        woke = await sleep(ticks)
    except Cancelled as error:
        say(f"worker cancelled: {error}")
        raise
    if isinstance(outcome, Exception):
        raise outcome
    return outcome, woke


async def main():
    channel = Channel(2)
    makers = [loop.spawn(producer(channel, "a", 3, 4)), loop.spawn(producer(channel, "b", 4, 3))]

    async def closer():
        results = [await maker for maker in makers]
        await channel.close()
        return results

    closing = loop.spawn(closer())
    async for item in channel:
        say(f"took {item}")
        await sleep(2)
    say(await closing)

    say([n async for n in ticker(4) if n % 2])
    say({n: await loop.spawn(worker(n, n * n)) for n in (3, 1)})

    fast, failing, slow = (loop.spawn(worker(*a)) for a in ((1, "fast"), (2, ValueError("failed")), (50, "slow")))
    for task in (fast, failing):
        try:
            say(await task)
        except ValueError as error:
            say(f"{type(error).__name__}: {error}")
    loop.cancel(slow)
    try:
        await slow
    except Cancelled as error:
        say(f"main saw {error!r}")
    return "finished"


say(loop.run(main()))
try:
    loop.run(trap("park", deque()))
except RuntimeError as error:
    print(error)
unawaited = worker(1, 2)
print(inspect.getcoroutinestate(unawaited), unawaited.close(), inspect.getcoroutinestate(unawaited))
finished = worker(0, "x")
print(finished.send(None), inspect.getcoroutinestate(finished))
for value in (9, 1):
    try:
        finished.send(value)
    except (StopIteration, RuntimeError) as error:
        print(type(error).__name__, error.args)
