"""Tasks that wait for each other on an event loop."""
import asyncio


async def produce(queue, count):
    for number in range(count):
        await queue.put(number)
        if number % 50 == 0:
            await asyncio.sleep(0)
    await queue.put(None)


async def main():
    queues = [asyncio.Queue(20) for _ in range(4)]
    producers = [asyncio.create_task(produce(queue, 1500)) for queue in queues]
    total = 0
    for queue in queues:
        while (number := await queue.get()) is not None:
            total += number
    await asyncio.gather(*producers)
    print(total)


asyncio.run(main())
