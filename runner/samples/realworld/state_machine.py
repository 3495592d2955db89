# /// sample
# title: A hierarchical state machine
# tier: realworld
# ///
"""A phone call and a vending machine: nested states, guards, entry and exit actions, history, and a checked definition."""

from collections import namedtuple
from dataclasses import dataclass, field

Transition = namedtuple("Transition", "source target guard action")


@dataclass(eq=False)
class State:
    name: str
    parent: "State | None" = None
    initial: str | None = None
    history: bool = False
    final: bool = False
    transitions: dict = field(default_factory=dict)

    def path(self):
        return (*(self.parent.path() if self.parent else ()), self)


class Machine:
    """Subclasses give `states` (indented text) and `transitions` (one a line), and methods named in them."""

    def __init_subclass__(cls):
        cls._states, problems = cls._read_states(), []
        for line in filter(None, map(str.strip, cls.transitions.splitlines())):
            left, _, target = line.partition("->")
            target, _, action = target.partition("/")
            source, event, *guard = left.split()
            transition = Transition(source, target.strip() or None, guard[0].strip("[]") if guard else None, action.strip() or None)
            for name in filter(None, (source, transition.target)):
                if name not in cls._states:
                    problems.append(f"{name!r} in {line!r} is no state")
            for method in filter(None, (transition.guard, transition.action)):
                if not callable(getattr(cls, method.lstrip("!"), None)):
                    problems.append(f"{cls.__name__} has no {method.lstrip('!')}()")
            if source in cls._states:
                cls._states[source].transitions.setdefault(event, []).append(transition)
        reachable = {t.target for state in cls._states.values() for ts in state.transitions.values() for t in ts}
        for state in cls._states.values():
            children = [s for s in cls._states.values() if s.parent is state]
            if children and not state.initial:
                problems.append(f"{state.name} has no initial state")
            if not children and state.name not in reachable and not (state.parent is None or state.parent.initial == state.name):
                problems.append(f"{state.name} cannot be reached")
        if problems:
            raise ValueError("; ".join(problems))

    @classmethod
    def _read_states(cls):
        states, stack = {}, []
        for line in filter(str.strip, cls.states.splitlines()):
            depth = (len(line) - len(line.lstrip())) // 2
            name, *marks = line.split()
            del stack[depth:]
            parent = stack[-1] if stack else None
            state = states[name] = State(name, parent, history="history" in marks, final="final" in marks)
            if "initial" in marks and parent:
                parent.initial = name
            stack.append(state)
        return states

    def __init__(self):
        self.trace, self.remembered, self.queue, self.running, self.current = [], {}, [], False, None
        self._enter(next(iter(self._states.values())), ())

    def _enter(self, target, active):
        path = [state for state in target.path() if state not in active]
        while path or self.current.initial:
            if not path:
                name = self.remembered.get(self.current.name) if self.current.history else None
                path.append(self._states[name or self.current.initial])
            self.current = path.pop(0)
            self.trace.append(f"+{self.current.name}")
            getattr(self, f"enter_{self.current.name}", int)()

    def _leave(self, until):
        while self.current is not None and self.current not in until:
            state = self.current
            self.trace.append(f"-{state.name}")
            getattr(self, f"exit_{state.name}", int)()
            if state.parent and state.parent.history:
                self.remembered[state.parent.name] = state.name
            self.current = state.parent

    def send(self, event, *arguments):
        """Handles an event; those sent by actions wait their turn. Returns what happened."""
        self.queue.append((event, arguments))
        if self.running:
            return None
        self.running, self.trace = True, []
        try:
            while self.queue:
                self._handle(*self.queue.pop(0))
        finally:
            self.running = False
            self.queue.clear()
        return f"{event:<8} {' '.join(self.trace) or 'nothing':<58} => {'.'.join(s.name for s in self.current.path())}"

    def _handle(self, event, arguments):
        for state in reversed(self.current.path()):
            for transition in state.transitions.get(event, ()):
                guard = transition.guard
                if guard and bool(getattr(self, guard.lstrip("!"))(*arguments)) == guard.startswith("!"):
                    continue
                if transition.target is None:
                    self.trace.append(f"({transition.action})")
                    return getattr(self, transition.action)(*arguments)
                target = self._states[transition.target]
                source = self._states[transition.source]
                common = set(target.path()[:-1]) & set(source.path()[:-1])
                self._leave(common)
                if transition.action:
                    self.trace.append(f"({transition.action})")
                    getattr(self, transition.action)(*arguments)
                self._enter(target, common)
                return None
        if self.current.final:
            raise RuntimeError(f"{event!r} after the end")


class Vending(Machine):
    states = """
off
on history
  idle initial
  paying
  serving
broken final
"""
    transitions = """
off power -> on
on power -> off
idle coin -> paying / add
paying coin -> / add
paying choose [enough] -> serving / take
paying choose -> / complain
paying cancel -> idle / refund
serving done [!more] -> idle / refund
serving done -> paying
on kick -> broken
"""

    def __init__(self):
        self.money, self.out = 0, []
        super().__init__()

    def add(self, amount):
        self.money += amount

    def enough(self, price):
        return self.money >= price

    def more(self):
        return self.money >= 100

    def take(self, price):
        self.money -= price
        self.out.append(f"item for {price}")

    def complain(self, price):
        self.out.append(f"{price - self.money} missing")

    def refund(self):
        if self.money:
            self.out.append(f"returned {self.money}")
        self.money = 0

    def enter_serving(self):
        self.send("done")

    def exit_on(self):
        self.out.append("lights out")


machine = Vending()
script = [("coin", 50), ("power",), ("coin", 50), ("choose", 80), ("coin", 50), ("power",), ("power",), ("choose", 80), ("coin", 200), ("choose", 20), ("cancel",)]
for event, *arguments in script:
    print(machine.send(event, *arguments))
print(machine.out, machine.money, machine.remembered)
try:
    machine.send("coin")
    machine.send("coin")
except TypeError as error:
    print("TypeError:", error, "| still usable:", machine.send("coin", 5) is not None, machine.money)
print(machine.send("kick"))
try:
    machine.send("coin", 1)
except RuntimeError as error:
    print("RuntimeError:", error)
for states, transitions in (("a\n  b\n", ""), ("a", "a go -> z / jump"), ("a\n  b initial\n  c", "a go [maybe] -> b")):
    try:
        type("Broken", (Machine,), {"states": states, "transitions": transitions})
    except ValueError as error:
        print("ValueError:", error)
