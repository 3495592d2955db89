/** One archive that apt is configured to read. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Keyring files or fingerprints. */
  readonly signedBy: readonly string[];
}

/** Enabled binary sources of a deb822 file (`*.sources`). Format: sources.list(5), "DEB822-STYLE FORMAT". */
export function parseDeb822(text: string): readonly AptSource[] {
  return paragraphs(text).flatMap((fields) => {
    const words = (name: string): readonly string[] => split(fields.get(name) ?? '');
    const enabled = !/^(no|false|without|off|disable|0)$/i.test(fields.get('enabled')?.trim() ?? 'yes');
    if (!enabled || !words('types').includes('deb')) return [];
    return [
      {
        uris: words('uris'),
        suites: words('suites'),
        components: words('components'),
        signedBy: words('signed-by'),
      },
    ];
  });
}

/** Binary sources of a one-line file (`*.list`). Format: sources.list(5), "ONE-LINE-STYLE FORMAT". */
export function parseOneLine(text: string): readonly AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1] ?? '';
    return [
      {
        uris: [uri],
        suites: [suite],
        components: split(components),
        signedBy: signedBy.split(',').filter(Boolean),
      },
    ];
  });
}

function paragraphs(text: string): readonly ReadonlyMap<string, string>[] {
  const kept = text.split('\n').filter((line) => !line.startsWith('#'));
  return kept
    .join('\n')
    .split(/\n\s*\n/)
    .map(fieldsOf)
    .filter((fields) => fields.size > 0);
}

function fieldsOf(paragraph: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of paragraph.split('\n')) {
    const start = /^([^\s:#]+):(.*)$/.exec(line);
    if (start !== null) {
      current = (start[1] ?? '').toLowerCase();
      fields.set(current, start[2] ?? '');
    } else if (current !== undefined && /^\s/.test(line)) {
      fields.set(current, `${fields.get(current)}\n${line}`);
    }
  }
  return fields;
}

function split(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}
