/** Keys of a report in the order in which they are best read; keys that are not here follow by name. */
const ORDER = [
  'schema',
  'name',
  'version',
  'tool',
  'status',
  'title',
  'tier',
  'file',
  'code',
  'kind',
  'what',
  'why',
  'message',
  'reason',
  'declared',
  'recipe',
  'target',
  'triple',
  'plan',
  'started',
  'finished',
  'ms',
  'artifacts',
  'host',
  'engine',
  'python',
  'reference',
  'toolchain',
  'sysroot',
  'bundle',
  'outcome',
  'level',
  'totals',
  'system',
  'samples',
  'systems',
  'hostStart',
  'passed',
  'failed',
  'skipped',
  'cached',
  'failure',
  'at',
  'fix',
  'evidence',
  'see',
  'notices',
  'stages',
  'bytes',
  'logs',
  'diff',
];

const POSITION = new Map(ORDER.map((key, index) => [key, index]));

/** The same value with its keys in one order, whatever the order in which it was put together. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1))
      .map(([key, item]) => [key, inOrder(item)]),
  );
}

function placeOf(key: string): number {
  return POSITION.get(key) ?? ORDER.length;
}
