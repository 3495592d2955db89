"""Imports: the first ROUNDS (default 1) of two dozen modules of the standard library, mostly of Python code."""

import os

MODULES = """
    string textwrap dataclasses argparse datetime random decimal statistics fractions csv configparser logging
    difflib inspect typing urllib.parse html.parser email.message calendar pprint shlex tokenize pickle unittest
""".split()

rounds = int(os.environ.get("ROUNDS", "1"))
print(rounds, sum(len(__import__(name).__name__) for name in MODULES[:rounds]))
