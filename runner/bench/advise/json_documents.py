"""Documents to JSON and back."""
import json

documents = [{"id": i, "name": f"entry {i}", "tags": ["x" * (i % 5), str(i)], "nested": {"value": i / 8, "ok": i % 2 == 0}} for i in range(6000)]
text = json.dumps(documents, sort_keys=True)
again = json.loads(text)
print(len(text), again == documents, sum(len(one["tags"][1]) for one in again))
