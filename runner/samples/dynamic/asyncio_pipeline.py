# /// sample
# title: asyncio: queues, task groups, timeouts and cancellation
# tier: dynamic
# requires: sockets
# ///
"""A small crawler over a pretended web: every wait is an event or a queue, so its order is fixed."""

import asyncio
import contextlib
import contextvars
from collections import defaultdict

SITE = {
    "/": ["/a", "/b", "/missing"],
    "/a": ["/", "/c"],
    "/b": ["/c", "/slow"],
    "/c": [],
    "/slow": ["/a"],
}
request_id = contextvars.ContextVar("request_id", default="none")


class NotFound(LookupError):
    pass


async def fetch(path):
    """A few turns of the loop instead of a network."""
    for _ in range(len(path)):
        await asyncio.sleep(0)
    if path not in SITE:
        raise NotFound(path)
    if path == "/slow":
        await asyncio.Event().wait()
    return SITE[path]


async def crawl(start, workers=2):
    queue, seen, errors, found = asyncio.Queue(maxsize=10), {start}, defaultdict(list), {}
    queue.put_nowait(start)

    async def work(number):
        while True:
            path = await queue.get()
            request_id.set(f"w{number}:{path}")
            try:
                async with asyncio.timeout(0.4 if path == "/slow" else None):
                    found[path] = await fetch(path)
                for link in found[path]:
                    if link not in seen:
                        seen.add(link)
                        await queue.put(link)
            except (NotFound, TimeoutError) as error:
                errors[type(error).__name__].append(path)
            finally:
                queue.task_done()

    tasks = [asyncio.create_task(work(number), name=f"worker-{number}") for number in range(workers)]
    await queue.join()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    print("workers ended with", [type(result).__name__ for result in results], "context outside:", request_id.get())
    return found, dict(sorted(errors.items()))


async def groups():
    async def failing(kind, after):
        for _ in range(after):
            await asyncio.sleep(0)
        raise kind(f"after {after}")

    async def patient(log):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("cancelled by the group")
            raise
        finally:
            log.append("cleaned up")

    log = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(patient(log))
            group.create_task(failing(ValueError, 2))
            group.create_task(failing(KeyError, 2))
    except* ValueError as caught:
        print("values:", [str(error) for error in caught.exceptions])
    except* KeyError as caught:
        print("keys:", [str(error) for error in caught.exceptions])
    print(log)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, result=number * 10)) for number in range(3)]
    print([task.result() for task in tasks])
    results = await asyncio.gather(failing(OSError, 1), asyncio.sleep(0, "fine"), return_exceptions=True)
    print([repr(result) for result in results])


async def locks():
    condition, order = asyncio.Condition(), []
    semaphore, inside, peak = asyncio.Semaphore(2), 0, 0
    ready = False

    async def consumer(name):
        async with condition:
            await condition.wait_for(lambda: ready)
            order.append(name)

    async def limited():
        nonlocal inside, peak
        async with semaphore:
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0)
            inside -= 1

    consumers = [asyncio.create_task(consumer(name)) for name in "abc"]
    await asyncio.gather(*(limited() for _ in range(5)))
    async with condition:
        ready = True
        condition.notify_all()
    await asyncio.gather(*consumers)
    print(order, "peak", peak, semaphore.locked())


async def streams():
    async def numbers(limit):
        try:
            for number in range(limit):
                yield number
                await asyncio.sleep(0)
        finally:
            print("stream closed")

    async with contextlib.aclosing(numbers(10)) as stream:
        async for number in stream:
            if number == 3:
                break
    print([pair async for pair in numbers(3) if pair], await anext(numbers(1)))

    @contextlib.asynccontextmanager
    async def session(name):
        print("open", name)
        try:
            yield name.upper()
        finally:
            await asyncio.sleep(0)
            print("shut", name)

    async with contextlib.AsyncExitStack() as stack:
        print([await stack.enter_async_context(session(name)) for name in ("one", "two")])
        stack.push_async_callback(asyncio.sleep, 0)


async def cancellation():
    async def shielded():
        await asyncio.sleep(0)
        return "kept alive"

    inner = asyncio.ensure_future(shielded())
    outer = asyncio.create_task(asyncio.wait_for(asyncio.shield(inner), 5))
    await asyncio.sleep(0)
    outer.cancel("no longer wanted")
    try:
        await outer
    except asyncio.CancelledError as error:
        print("cancelled:", error.args, await inner)
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: print("callback", done.result()))
    asyncio.get_running_loop().call_soon(future.set_result, 5)
    print("future", await future)
    try:
        future.set_result(6)
    except asyncio.InvalidStateError as error:
        print("InvalidStateError", error)


async def main():
    found, errors = await crawl("/")
    print({path: links for path, links in sorted(found.items())}, errors)
    for part in (groups, locks, streams, cancellation):
        print("==", part.__name__)
        await part()
    await asyncio.sleep(0)


asyncio.run(main())
try:
    asyncio.get_running_loop()
except RuntimeError as error:
    print("RuntimeError:", error)
