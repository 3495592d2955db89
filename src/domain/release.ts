/** Whether a release such as `1.85.1` is older than another; parts that are missing are 0. */
export function isOlderRelease(one: string, other: string): boolean {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)];
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const order = (a[i] ?? 0) - (b[i] ?? 0);
    if (order !== 0) return order < 0;
  }
  return false;
}
