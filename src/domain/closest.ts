/**
 * Suggestion for a mistyped word: the nearest candidate, or nothing if none is near. Case and
 * `-`, `_`, space do not count; otherwise one edit (letter added, lost, changed, two swapped) per three letters is near. Of
 * equally near ones it is that with the nearest number: `debian-13` for `debian-14`.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(word);
  if (wanted === '') return undefined;
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    // Less than an edit.
    const distance = editDistance(wanted, plain(candidate)) + numbersApart(word, candidate);
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  if (best !== undefined && Math.floor(best.distance) <= allowedEdits(wanted)) return best.candidate;
  const longer = candidates.filter((candidate) => wanted.length >= 3 && plain(candidate).startsWith(wanted));
  return longer.length === 1 ? longer[0] : undefined;
}

/** Between 0 and 1: how far apart the first numbers of two words are. */
function numbersApart(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => Number(/\d+/.exec(text)?.[0] ?? 0)) as [number, number];
  const apart = Math.abs(a - b);
  return apart / (apart + 1);
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[-_\s]/g, '');
}

function allowedEdits(word: string): number {
  return word.length <= 2 ? 0 : Math.max(1, Math.floor(word.length / 3));
}

/** Optimal string alignment distance: insert, delete, change and swap of neighbours cost 1 each. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = cell(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(change, cell(row, j) + 1, cell(next, j - 1) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, cell(before, j - 2) + 1);
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return cell(row, b.length);
}

function cell(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
