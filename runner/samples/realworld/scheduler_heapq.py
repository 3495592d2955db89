# /// sample
# title: A job scheduler with priorities, dependencies and retries
# tier: realworld
# ///
"""Two workers on a simulated clock: a heap of ready jobs, a heap of events, critical path, deadlines, fair shares."""

import heapq
import itertools
from collections import defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(order=True)
class Ready:
    rank: tuple
    job: "Job" = field(compare=False)
    stale: bool = field(default=False, compare=False)


@dataclass
class Job:
    name: str
    takes: int
    needs: tuple = ()
    priority: int = 0
    user: str = "main"
    fails: int = 0
    retries: int = 2
    deadline: int | None = None
    state: str = "waiting"
    attempts: int = 0


class CycleError(ValueError):
    pass


class Scheduler:
    def __init__(self, jobs, workers):
        self.jobs = {job.name: job for job in jobs}
        self.now, self.free, self.order = 0, list(range(workers)), itertools.count()
        self.events, self.ready, self.entries, self.log = [], [], {}, []
        self.used = defaultdict(int)
        self.followers = defaultdict(list)
        for job in jobs:
            for need in job.needs:
                if need not in self.jobs:
                    raise KeyError(f"{job.name} needs {need}, which is unknown")
                self.followers[need].append(job)
        self.critical = {}
        for name in self.topological():
            self.critical[name] = self.jobs[name].takes + max((self.critical[f.name] for f in self.followers[name]), default=0)

    def topological(self):
        """Followers first. A cycle is named."""
        left = {name: len(self.followers[name]) for name in self.jobs}
        queue = deque(name for name, count in left.items() if not count)
        while queue:
            name = queue.popleft()
            yield name
            for need in self.jobs[name].needs:
                left[need] -= 1
                if not left[need]:
                    queue.append(need)
        if rest := [name for name, count in left.items() if count]:
            path = [rest[0]]
            while path[-1] not in path[:-1]:
                path.append(next(f.name for f in self.followers[path[-1]] if f.name in rest))
            raise CycleError(" -> ".join(path[path.index(path[-1]) :]))

    def say(self, text):
        self.log.append(f"{self.now:>3} {text}")

    def enqueue(self, job):
        share = Fraction(self.used[job.user], 10)
        entry = Ready((-job.priority, share, -self.critical[job.name], next(self.order)), job)
        self.entries[job.name] = entry
        heapq.heappush(self.ready, entry)
        job.state = "ready"

    def reprioritise(self, name, priority):
        """The old heap entry stays and is passed over."""
        job = self.jobs[name]
        job.priority = priority
        if job.state == "ready":
            self.entries[name].stale = True
            self.enqueue(job)

    def check(self, job):
        states = {self.jobs[need].state for need in job.needs}
        if job.state == "waiting" and states & {"failed", "skipped"}:
            job.state = "skipped"
            self.say(f"skip {job.name}")
            for follower in self.followers[job.name]:
                self.check(follower)
        elif job.state == "waiting" and states <= {"done"}:
            self.enqueue(job)

    def start(self):
        while self.free and self.ready:
            entry = heapq.heappop(self.ready)
            if entry.stale:
                continue
            job, worker = entry.job, heapq.heappop(self.free)
            job.state, job.attempts = "running", job.attempts + 1
            self.used[job.user] += job.takes
            self.say(f"w{worker} start {job.name}" + (f" (try {job.attempts})" if job.attempts > 1 else ""))
            heapq.heappush(self.events, (self.now + job.takes, 0, next(self.order), self.finish, (job, worker)))

    def finish(self, job, worker):
        heapq.heappush(self.free, worker)
        if job.attempts <= job.fails:
            if job.attempts > job.retries:
                job.state = "failed"
                self.say(f"w{worker} FAILED {job.name}")
            else:
                job.state, wait = "waiting", 2**job.attempts
                self.say(f"w{worker} failed {job.name}, again in {wait}")
                self.at(self.now + wait, self.check, job)
                return
        else:
            job.state = "done"
            late = f", {self.now - job.deadline} late" if job.deadline is not None and self.now > job.deadline else ""
            self.say(f"w{worker} done {job.name}{late}")
        for follower in self.followers[job.name]:
            self.check(follower)

    def at(self, time, action, *arguments):
        heapq.heappush(self.events, (time, 1, next(self.order), action, arguments))

    def run(self):
        for job in self.jobs.values():
            self.check(job)
        self.start()
        while self.events:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                *_, action, arguments = heapq.heappop(self.events)
                action(*arguments)
            self.start()
        return self.now


build = [
    Job("fetch", 3), Job("configure", 1, ("fetch",)), Job("compile-a", 5, ("configure",)), Job("compile-b", 2, ("configure",), user="bob"),
    Job("compile-c", 2, ("configure",), user="bob"), Job("link", 2, ("compile-a", "compile-b", "compile-c"), deadline=10), Job("docs", 4, ("fetch",), priority=-1),
    Job("flaky", 1, ("link",), fails=2), Job("doomed", 1, ("compile-b",), fails=9, retries=1), Job("after", 1, ("doomed",)), Job("last", 1, ("after", "flaky")),
    Job("urgent", 1, ("fetch",), priority=5), Job("nothing", 0),
]  # fmt: skip
scheduler = Scheduler(build, 2)
scheduler.at(4, scheduler.reprioritise, "docs", 9)
scheduler.at(5, scheduler.reprioritise, "fetch", 9)
print("critical path:", dict(sorted(scheduler.critical.items(), key=lambda item: -item[1])))
end = scheduler.run()
print(*scheduler.log, sep="\n")
print("end", end, "used", dict(scheduler.used), "states", {state: [j.name for j in build if j.state == state] for state in ("failed", "skipped")})
print("entries left over:", sum(entry.stale for entry in scheduler.ready), "free", scheduler.free)
for jobs in ([Job("a", 1, ("b",)), Job("b", 1, ("c",)), Job("c", 1, ("a",)), Job("d", 1)], [Job("a", 1, ("z",))]):
    try:
        Scheduler(jobs, 1)
    except (CycleError, KeyError) as error:
        print(f"{type(error).__name__}: {error.args[0]}")
print("== heapq itself")
numbers = [(n * 37) % 11 for n in range(12)]
heap = list(numbers)
heapq.heapify(heap)
print(heap, heapq.heappushpop(heap, -1), heapq.heapreplace(heap, 99), heapq.nsmallest(3, numbers), heapq.nlargest(2, numbers, key=lambda n: -n))
print(list(heapq.merge([1, 4, 9], [2, 3], [0], key=lambda n: n)), list(heapq.merge("ca", "db", reverse=True)))
try:
    heapq.heappush([(1, {"a": 1})], (1, {}))
except TypeError as error:
    print("TypeError:", error)
