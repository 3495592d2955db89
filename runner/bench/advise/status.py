"""An uncaught exception: the status is 1 everywhere."""
values = {"a": 1}
print(sum(values.values()))
raise SystemExit("nothing else to do")
