# /// sample
# title: A forward-chaining rules engine
# tier: realworld
# ///
"""Facts, rules with joins and negation, a small rule language, conflict resolution, retraction and explanations."""

import operator
import re
from collections import namedtuple

Fact = namedtuple("Fact", "kind values")
OPERATORS = {"<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "=": operator.eq}
CONDITION = re.compile(r"(?P<field>\w+)\s*(?P<op><=|>=|!=|<|>|=)\s*(?P<value>\?\w+|'[^']*'|-?[\d.]+|\w+)")

RULES = """
rule adult priority 10
  when person(name=?who, age>=18)
  then adult(name=?who)

rule household
  when person(name=?a, home=?h) and person(name=?b, home=?h, name!=?a)
  then together(first=?a, second=?b)

rule orphaned-minor
  when person(name=?who, age<18, home=?h) and not adult-at(home=?h)
  then alert(who=?who, why='nobody of age')

rule adult-at priority 9
  when adult(name=?a) and person(name=?a, home=?h)
  then adult-at(home=?h)

rule big-order priority -5
  when order(by=?who, total>100.5) and adult(name=?who) and not blocked(name=?who)
  then offer(to=?who, percent=10)

rule loop-guard
  when offer(to=?x)
  then offer(to=?x, percent=10)
"""


class RuleError(Exception):
    pass


class Pattern:
    def __init__(self, text, rule):
        self.negated = text.startswith("not ")
        match = re.fullmatch(r"(?:not )?([\w-]+)\((.*)\)", text)
        if not match:
            raise RuleError(f"{rule}: cannot read {text!r}")
        self.kind, body = match.groups()
        self.tests = []
        for part in filter(None, (part.strip() for part in body.split(","))):
            found = CONDITION.fullmatch(part)
            if not found:
                raise RuleError(f"{rule}: bad condition {part!r} in {self.kind}")
            self.tests.append((found["field"], found["op"], self.read(found["value"])))

    @staticmethod
    def read(text):
        if text.startswith("?"):
            return text
        if text[0] == "'":
            return text[1:-1]
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text

    def match(self, fact, bound):
        """The bindings extended by this fact, or None."""
        if fact.kind != self.kind:
            return None
        values, bound = dict(fact.values), dict(bound)
        for field, op, wanted in self.tests:
            if field not in values:
                return None
            if isinstance(wanted, str) and wanted.startswith("?"):
                if wanted not in bound:
                    if op != "=":
                        return None
                    bound[wanted] = values[field]
                    continue
                wanted = bound[wanted]
            try:
                if not OPERATORS[op](values[field], wanted):
                    return None
            except TypeError:
                return None
        return bound

    def build(self, bound):
        return Fact(self.kind, tuple(sorted((field, bound.get(value, value)) for field, _, value in self.tests)))


class Rule:
    def __init__(self, name, priority, when, then):
        self.name, self.priority = name, priority
        self.when = [Pattern(part.strip(), name) for part in re.split(r"\band\b(?= (?:not )?[\w-]+\()", when)]
        self.then = Pattern(then, name)
        free = {v for p in self.when if not p.negated for _, _, v in p.tests if str(v).startswith("?")}
        for _, _, value in self.then.tests:
            if str(value).startswith("?") and value not in free:
                raise RuleError(f"{name}: {value} is never bound")


def parse(text):
    pattern = re.compile(r"rule ([\w-]+)(?: priority (-?\d+))?\s+when (.+?)\s+then (.+?)\s*(?=\Z|\nrule)", re.DOTALL)
    return [Rule(name, int(priority or 0), " ".join(when.split()), then) for name, priority, when, then in pattern.findall(text)]


class Engine:
    def __init__(self, rules):
        self.rules, self.facts, self.reasons, self.fired = rules, {}, {}, []

    def add(self, kind, **values):
        self.facts[Fact(kind, tuple(sorted(values.items())))] = None
        return self

    def matches(self, patterns, bound, used):
        if not patterns:
            yield bound, used
            return
        first, *rest = patterns
        hits = [(extended, fact) for fact in self.facts if (extended := first.match(fact, bound)) is not None]
        if first.negated:
            if not hits:
                yield from self.matches(rest, bound, used)
            return
        for extended, fact in hits:
            yield from self.matches(rest, extended, (*used, fact))

    def agenda(self):
        for position, rule in enumerate(self.rules):
            for bound, used in self.matches(rule.when, {}, ()):
                conclusion = rule.then.build(bound)
                if conclusion not in self.facts:
                    yield (-rule.priority, position, [str(v) for v in bound.values()]), rule, conclusion, used

    def run(self, limit=50):
        for _ in range(limit):
            choice = min(self.agenda(), key=lambda item: item[0], default=None)
            if choice is None:
                return self
            _, rule, conclusion, used = choice
            self.facts[conclusion] = None
            self.reasons[conclusion] = (rule.name, used)
            self.fired.append(rule.name)
        raise RuleError(f"no end after {limit} rules")

    def retract(self, kind, **values):
        """Takes a fact away, and all that rests on it."""
        gone = {Fact(kind, tuple(sorted(values.items())))}
        while more := {fact for fact, (_, used) in self.reasons.items() if gone.intersection(used)} - gone:
            gone |= more
        for fact in gone:
            self.facts.pop(fact, None)
            self.reasons.pop(fact, None)
        return sorted(map(show, gone))

    def explain(self, fact, depth=0):
        rule, used = self.reasons.get(fact, ("given", ()))
        yield "  " * depth + f"{show(fact)} [{rule}]"
        for cause in used:
            yield from self.explain(cause, depth + 1)


def show(fact):
    return f"{fact.kind}({', '.join(f'{key}={value}' for key, value in fact.values)})"


engine = Engine(parse(RULES))
engine.add("person", name="Ann", age=40, home="A").add("person", name="Bo", age=9, home="A").add("person", name="Cy", age=17, home="B")
engine.add("order", by="Ann", total=250).add("order", by="Bo", total=900).add("person", name="Dee", age="unknown", home="C")
engine.run()
print(engine.fired)
print(*sorted(map(show, engine.reasons)), sep="\n")
offer = next(fact for fact in engine.reasons if fact.kind == "offer")
print(*engine.explain(offer), sep="\n")
print("retracted:", engine.retract("person", name="Ann", age=40, home="A"))
print([show(fact) for fact in engine.add("blocked", name="Ann").add("person", name="Ann", age=41, home="B").run().reasons if fact.kind in ("offer", "alert")])
endless = Engine(parse("rule grow\n when n(v=?v)\n then n(v=?v, again='x')\nrule x\n when n(v=?v)\n then m(v=?v)"))
print(endless.add("n", v=1).run().fired)
for text in ("rule a\n when b(c~1)\n then d(e=1)", "rule a\n when b\n then d(e=1)", "rule a\n when b(c=?x)\n then d(e=?y)"):
    try:
        parse(text)
    except RuleError as error:
        print("RuleError:", error)
