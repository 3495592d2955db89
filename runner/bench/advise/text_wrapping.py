"""Templates, wrapping and differences of texts."""
import difflib
import string
import textwrap

template = string.Template("Dear $name, your order $number of $count items left on day $day.")
letters = [textwrap.fill(template.substitute(name="Ada", number=i, count=i % 9, day=i % 31), 30) for i in range(1500)]
changes = list(difflib.unified_diff(letters[0].splitlines() * 60, letters[7].splitlines() * 60))
print(len(changes), len(set(letters)))
