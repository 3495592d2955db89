/** One line of fstab(5): how all mounts of a sandbox are made by one `mount -a`, without quoting for a shell. */
export interface MountEntry {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  /** Never made from paths: commas in a path stay in the path fields. */
  readonly options: readonly string[];
}

export function fstabOf(entries: readonly MountEntry[]): string {
  return entries
    .map(({ source, target, type, options }) =>
      [
        encode(source),
        encode(target),
        type,
        options.length > 0 ? options.join(',') : 'defaults',
        '0',
        '0',
      ].join(' '),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** fstab(5) takes any byte as a backslash and three octal digits. */
function encode(path: string): string {
  return [...Buffer.from(path)]
    .map((byte) =>
      /[A-Za-z0-9/._-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');
}
