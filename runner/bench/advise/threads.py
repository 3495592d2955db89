"""A queue and four threads."""
import queue
import threading

work, done = queue.Queue(), []


def worker():
    while (number := work.get()) is not None:
        done.append(sum(i * i for i in range(number % 100)))


threads = [threading.Thread(target=worker) for _ in range(4)]
for thread in threads:
    thread.start()
for number in range(6000):
    work.put(number)
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()
print(len(done), sum(done))
