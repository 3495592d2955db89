# /// sample
# title: A command line with subcommands, types and good errors
# tier: realworld
# argv: --config "my settings.ini" -vv add --tag=work --tag home --due 2024-03-01 "Write the report" -- -5 --not-an-option ""
# ///
"""A to-do program: its own command line from argv first, then a table of other command lines, right and wrong."""

import argparse
import io
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import date


class Formatter(argparse.RawDescriptionHelpFormatter):
    """A fixed width: help does not depend on the terminal."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=28, width=90)


class KeyValue(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        table = dict(getattr(namespace, self.dest) or {})
        for text in values:
            key, separator, value = text.partition("=")
            if not separator:
                parser.error(f"argument {option_string}: {text!r} is not KEY=VALUE")
            table[key] = value
        setattr(namespace, self.dest, table)


def day(text):
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date ({error})") from None


def percent(text):
    number = float(text.removesuffix("%"))
    if not 0 <= number <= 100:
        raise ValueError
    return number / 100


def build():
    parser = argparse.ArgumentParser("todo", description="Keeps a list.\n  Indented as written.", epilog="See todo COMMAND --help.", formatter_class=Formatter)
    parser.add_argument("--version", action="version", version="%(prog)s 1.4")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more (default: %(default)s)")
    parser.add_argument("--config", metavar="FILE", type=str, default="todo.ini", help="settings (default: %(default)s)")
    parser.add_argument("--colour", action=argparse.BooleanOptionalAction, default=None)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    add = commands.add_parser("add", help="add an entry", aliases=["new"], formatter_class=Formatter)
    add.add_argument("text", help="what to do")
    add.add_argument("more", nargs="*", help="further words")
    add.add_argument("-t", "--tag", action="append", default=[], dest="tags")
    add.add_argument("--due", type=day)
    add.add_argument("--set", nargs="+", action=KeyValue, metavar="KEY=VALUE")
    add.set_defaults(run=lambda o: f"added {o.text!r} {o.more} due {o.due} tags {o.tags} set {o.set}")

    show = commands.add_parser("list", help="show entries", formatter_class=Formatter)
    which = show.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_const", const="open", dest="which", default="all")
    which.add_argument("--done", action="store_const", const="done", dest="which")
    show.add_argument("--sort", choices=["due", "text"], nargs="?", const="due")
    show.add_argument("-n", "--limit", type=int, default=10)
    show.add_argument("--columns", nargs=2, metavar=("FIRST", "SECOND"))
    show.set_defaults(run=lambda o: f"{o.which} sort={o.sort} limit={o.limit} columns={o.columns}")

    done = commands.add_parser("done", help="finish entries", formatter_class=Formatter, prefix_chars="-+")
    done.add_argument("numbers", nargs="+", type=int)
    done.add_argument("+f", "++force", action="store_true")
    done.add_argument("--progress", type=percent, default="100%")
    hidden = done.add_argument_group("rarely needed", "Nobody uses these.")
    hidden.add_argument("--secret", help=argparse.SUPPRESS)
    hidden.add_argument("--reason", default="finished", help="why (default: %(default)r)")
    done.set_defaults(run=lambda o: f"done {o.numbers} force={o.force} {o.progress} {o.reason!r} {o.secret}")
    return parser


def attempt(parser, arguments):
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            options = parser.parse_args(arguments)
        result = f"{options.command}: {options.run(options)} v={options.verbose} colour={options.colour}"
    except SystemExit as error:
        lines = (out.getvalue() + err.getvalue()).strip().splitlines()
        result = f"exit {error.code}: {lines[-1]}"
    print(f"$ todo {shlex.join(arguments)}\n  {result}")


def main():
    parser = build()
    options = parser.parse_args()
    print(options.config, options.verbose, options.run(options))
    print(sys.argv[1:])

    lines = """
add 'buy milk' --set a=1 b=2 --set a=3 --
new x -t1 -t 2
add
add x --due 2023-02-30
add x --set novalue
list --sort
list --sort text --limit=-3 --columns a b
list --sort price
list --open --done
list -n ten
list --columns one
list --lim 4
--ver
-vvv --no-colour list --open
--colour --col list
done 1 2 +f --progress 50% --secret s
done 1 --progress 150
done
done one
+f done 1
remove 1
list extra
"""
    for line in filter(None, lines.splitlines()):
        attempt(parser, shlex.split(line))

    print("== help")
    parser.print_help()
    print(parser.parse_args(["list"]).run(parser.parse_args(["list", "-n", "3"])))
    for action in parser._subparsers._group_actions:
        print(action.choices["done"].format_help())

    print("== in parts")
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, fromfile_prefix_chars=None)
    first.add_argument("--config")
    print(first.parse_known_args(["--config", "c", "list", "--conf", "d", "-x"]))
    second = argparse.ArgumentParser("both", parents=[first], argument_default=argparse.SUPPRESS)
    second.add_argument("files", nargs=argparse.REMAINDER)
    print(second.parse_args(["a", "--config", "x"]), vars(second.parse_args([])))
    mixed = argparse.ArgumentParser("mixed", exit_on_error=False)
    mixed.add_argument("--flag", action="store_true")
    mixed.add_argument("words", nargs="*", type=str.upper)
    print(mixed.parse_intermixed_args(["a", "--flag", "b"]))


main()
