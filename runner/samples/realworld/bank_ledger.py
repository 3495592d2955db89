# /// sample
# title: A bank ledger with exact money, interest and a statement
# tier: realworld
# argv: --rate 3.65 --rounding half-even
# stdin: |
#   2024-01-01 open    alice  EUR
#   2024-01-01 open    bob    EUR
#   2024-01-02 open    carol  JPY
#   2024-01-05 deposit alice  1000.00
#   2024-01-05 deposit bob    0.005
#   2024-01-06 deposit bob    250.10
#   2024-01-31 transfer alice bob 99.99
#   2024-02-01 withdraw bob   400
#   2024-02-10 transfer alice dave 1
#   2024-02-28 interest
#   2024-02-29 deposit carol  150000
#   2024-02-29 transfer alice carol 10
#   2024-02-30 deposit alice  1
#   2024-03-01 withdraw alice 1e2
#   2024-02-01 deposit alice  5
#   2024-03-15 withdraw alice NaN
#   2024-03-20 split   alice  100 bob carol alice
#   2024-03-21 split   alice  100 bob bob bob
#   2024-03-31 interest
#   2024-04-01 rob     alice
# ///
"""Double entry from standard input: every transaction sums to zero or does not happen at all."""

import argparse
import decimal
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

PLACES = {"EUR": Decimal("0.01"), "JPY": Decimal("1")}
ROUNDING = {"half-even": ROUND_HALF_EVEN, "half-up": ROUND_HALF_UP, "down": ROUND_DOWN}


class LedgerError(Exception):
    pass


@dataclass(frozen=True)
class Entry:
    day: date
    account: str
    amount: Decimal
    text: str


class Ledger:
    def __init__(self, rate, rounding):
        self.rate, self.rounding = rate, rounding
        self.currency, self.entries, self.today = {}, [], date.min
        self.accrued = defaultdict(Decimal)
        self.carried = defaultdict(Decimal)

    def account(self, name):
        if name not in self.currency:
            raise LedgerError(f"no account {name!r}")
        return name

    def balance(self, name):
        return sum((e.amount for e in self.entries if e.account == name), Decimal(0))

    def money(self, text, account):
        try:
            amount = Decimal(text)
        except decimal.InvalidOperation:
            raise LedgerError(f"{text!r} is no amount") from None
        if not amount.is_finite() or amount <= 0:
            raise LedgerError(f"amount must be positive, not {text}")
        places = PLACES[self.currency[account]]
        if amount != amount.quantize(places):
            raise LedgerError(f"{text} has more places than {self.currency[account]}")
        return amount.quantize(places)

    def post(self, text, *movements):
        """All or nothing; the bank's own account takes the other side."""
        if sum(amount for _, amount in movements) != 0:
            raise LedgerError("does not balance")
        for account in {account for account, _ in movements if not account.startswith(":")}:
            change = sum(amount for name, amount in movements if name == account)
            if self.balance(account) + change < 0:
                raise LedgerError(f"{account} has only {self.show(self.balance(account), account)}")
        self.entries += [Entry(self.today, account, amount, text) for account, amount in movements]

    def show(self, amount, account):
        currency = self.currency.get(account, "EUR")
        sign, digits = ("-" if amount < 0 else ""), abs(amount).quantize(PLACES[currency])
        return f"{sign}{digits:,} {currency}"

    def advance(self, day):
        """Interest accrues by the day on what the account held in the evening before."""
        if day < self.today:
            raise LedgerError(f"{day} is before {self.today}")
        if self.today != date.min:
            for account in self.currency:
                daily = self.balance(account) * self.rate / 100 / (366 if self.today.year % 4 == 0 else 365)
                self.accrued[account] += daily * (day - self.today).days
        self.today = day

    def do_open(self, name, currency):
        if name in self.currency or currency not in PLACES:
            raise LedgerError(f"cannot open {name} in {currency}")
        self.currency[name] = currency

    def do_deposit(self, name, text):
        amount = self.money(text, self.account(name))
        self.post("deposit", (name, amount), (":cash", -amount))

    def do_withdraw(self, name, text):
        amount = self.money(text, self.account(name))
        self.post("withdrawal", (name, -amount), (":cash", amount))

    def do_transfer(self, source, target, text):
        if self.currency[self.account(source)] != self.currency[self.account(target)]:
            raise LedgerError(f"{self.currency[source]} is not {self.currency[target]}")
        amount = self.money(text, source)
        self.post(f"{source} to {target}", (source, -amount), (target, amount))

    def do_split(self, source, text, *targets):
        """Cents that do not divide go to the first ones."""
        total = self.money(text, self.account(source))
        for target in targets:
            if self.currency[self.account(target)] != self.currency[source]:
                raise LedgerError(f"{target} has no {self.currency[source]}")
        unit = PLACES[self.currency[source]]
        share, rest = divmod(total / unit, len(targets))
        parts = [(target, (share + (index < rest)) * unit) for index, target in enumerate(targets)]
        self.post("split", (source, -total), *parts)

    def do_interest(self):
        for account, currency in self.currency.items():
            exact = self.accrued.pop(account, Decimal(0)) + self.carried[account]
            paid = exact.quantize(PLACES[currency], rounding=self.rounding)
            self.carried[account] = exact - paid
            if paid:
                self.post("interest", (account, paid), (":interest", -paid))


def statement(ledger, name):
    print(f"-- {name} --")
    running = Decimal(0)
    for entry in ledger.entries:
        if entry.account == name:
            running += entry.amount
            print(f"{entry.day:%d.%m.%Y} {entry.text:<16}{entry.amount:>+14,}{running:>14,}")


def main():
    parser = argparse.ArgumentParser("ledger")
    parser.add_argument("--rate", type=Decimal, default=Decimal(0))
    parser.add_argument("--rounding", choices=ROUNDING, default="half-up")
    options = parser.parse_args()
    ledger, refused = Ledger(options.rate, ROUNDING[options.rounding]), 0
    for number, line in enumerate(sys.stdin, start=1):
        day, command, *arguments = line.split()
        try:
            ledger.advance(date.fromisoformat(day))
            method = getattr(ledger, f"do_{command}", None)
            if method is None:
                raise LedgerError(f"cannot {command}")
            method(*arguments)
        except (LedgerError, ValueError) as error:
            refused += 1
            print(f"line {number} refused: {error}")
    for name in ledger.currency:
        statement(ledger, name)
    for currency in PLACES:
        print(currency, sum(ledger.balance(n) for n, c in ledger.currency.items() if c == currency), end="; ")
    print("all entries sum to", sum(e.amount for e in ledger.entries), "carried", {n: str(c.quantize(Decimal("1e-6"))) for n, c in ledger.carried.items()})
    print([str(Decimal("2.5").quantize(Decimal(1), rounding=mode)) for mode in ROUNDING.values()], decimal.getcontext().prec, Decimal("1E+2").quantize(Decimal("0.01")))
    return 3 if refused else 0


sys.exit(main())
