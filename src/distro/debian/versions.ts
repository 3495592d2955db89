/** Order of two versions (deb-version(7), "Sorting algorithm"): negative, zero, positive. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [a, b].map(partsOf) as [Parts, Parts];
  return (
    one.epoch - other.epoch ||
    compareText(one.upstream, other.upstream) ||
    compareText(one.revision, other.revision)
  );
}

interface Parts {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

function partsOf(version: string): Parts {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version) ?? [];
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Text without digits and numbers in turn; an absent number is 0. */
function compareText(a: string, b: string): number {
  const pieces = (text: string): readonly RegExpMatchArray[] => [...text.matchAll(/(\D*)(\d*)/g)];
  const [left, right] = [pieces(a), pieces(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [, textA = '', numberA = ''] = left[i] ?? [];
    const [, textB = '', numberB = ''] = right[i] ?? [];
    const difference = compareLetters(textA, textB) || Number(numberA) - Number(numberB);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareLetters(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a[i]) - weight(b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A tilde comes before the end, the end before letters, letters before anything else. */
function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
