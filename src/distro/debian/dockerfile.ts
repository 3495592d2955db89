import type { ImageDefinition } from '../../domain/definitions.ts';
import type { Lock } from '../../domain/packages.ts';
import { quoteWord } from '../../domain/shell.ts';

/**
 * A Dockerfile that gives the packages of a lock, in the lock's versions, on the distribution's own base image: for people
 * who want a plain `docker build`. Pure: the same definition and lock give the same text.
 */
export function dockerfileOf(definition: ImageDefinition, lockPath: string, lock: Lock): string {
  const { name, description, suite, rootfs } = definition;
  const packages = lock.sets.rootfs ?? [];
  const wanted = packages.map((one) => `${one.name}=${one.version}`).sort();
  return [
    `# Written by \`provision image dockerfile ${name}\` from docker/${name}/image.yaml and ${lockPath}: do not edit.`,
    `# ${description}`,
    `FROM debian:${suite}-slim`,
    '',
    `# Root of an archive that has the versions of ${lock.resolved}, where the base image's own has moved on.`,
    'ARG ARCHIVE=',
    'ARG DEBIAN_FRONTEND=noninteractive',
    '',
    `RUN ${[...sources(suite), 'apt-get update', ...placeholders(rootfs.without ?? []), ...install(wanted), ...TIDY].join('; \\\n    ')}`,
    ...section('# Not in the locked tree either.', removals(rootfs.exclude)),
    ...section('# Links and files of the definition; what the base image has of its own stays.', [
      ...Object.entries(rootfs.links).map(
        ([path, target]) => `ln -sfn ${quoteWord(target)} ${quoteWord(`/${path}`)}`,
      ),
      ...Object.entries(rootfs.files).map(([path, text]) => writing(path, text)),
    ]),
    '',
  ].join('\n');
}

function sources(suite: string): readonly string[] {
  const line = `deb [check-valid-until=no] $ARCHIVE ${suite} main`;
  return [
    'set -eu',
    `if [ -n "$ARCHIVE" ]; then rm -f /etc/apt/sources.list.d/*; echo "${line}" >/etc/apt/sources.list; fi`,
  ];
}

/** Packages that the lock was made without: an empty one of the same name and version takes the place of each. */
function placeholders(without: readonly string[]): readonly string[] {
  if (without.length === 0) return [];
  const control =
    'printf \'Package: %s\\nVersion: %s\\nArchitecture: all\\nMulti-Arch: foreign\\nMaintainer: none <none@localhost>\\nDescription: left out\\n\' "$name" "$version"';
  const steps = [
    'version="$(apt-cache show --no-all-versions "$name" | sed -n "s/^Version: //p" | head -n 1)"',
    'mkdir -p /tmp/empty/DEBIAN',
    `${control} >/tmp/empty/DEBIAN/control`,
    'dpkg-deb --build /tmp/empty /tmp/empty.deb >/dev/null',
    'dpkg --install /tmp/empty.deb',
    'rm -r /tmp/empty /tmp/empty.deb',
  ];
  const names = wrapped([...without].sort(), '        ');
  return [
    `for name in \\\n${names}; do \\\n${steps.map((step) => `        ${step}`).join('; \\\n')}; \\\n    done`,
  ];
}

function install(wanted: readonly string[]): readonly string[] {
  return [
    `apt-get install --yes --no-install-recommends --allow-downgrades \\\n${wrapped(wanted, '        ')}`,
  ];
}

const TIDY = ['apt-get clean', 'rm -rf /var/lib/apt/lists/*'];

function wrapped(words: readonly string[], indent: string): string {
  return words.map((word) => `${indent}${word}`).join(' \\\n');
}

function section(title: string, commands: readonly string[]): readonly string[] {
  return commands.length === 0 ? [] : ['', title, `RUN ${['set -eu', ...commands].join('; \\\n    ')}`];
}

/** What a pattern with `!` in front names stays: it is left out of the removal of what is beside it. */
function removals(patterns: readonly string[]): readonly string[] {
  const kept = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []));
  return patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .map((pattern) => {
      const but = kept
        .filter((path) => isOf(pattern, path))
        .map((path) => ` ! -name ${quoteWord(path.slice(folderOf(path).length))}`)
        .join('');
      if (but === '') return removal(pattern);
      const name = quoteWord(pattern.slice(folderOf(pattern).length));
      return `find ${quoteWord(`/${folderOf(pattern)}`)} -maxdepth 1 -name ${name}${but} -delete`;
    });
}

/** Whether a pattern of names in one folder is of a path. */
function isOf(pattern: string, path: string): boolean {
  const [before = '', ...after] = pattern.split('*');
  return (
    folderOf(pattern) === folderOf(path) &&
    path.startsWith(before) &&
    after.every((part) => path.slice(before.length).includes(part))
  );
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Patterns of the definition are a shell's, but for `**`. */
function removal(pattern: string): string {
  const below = pattern.replace(/\/\*\*$/, '');
  return below.includes('**')
    ? `find / -xdev -path ${quoteWord(`/${below.replaceAll('**', '*')}`)} -delete`
    : `rm -rf /${below}`;
}

/** One line: a Dockerfile has no lines within a word. */
function writing(path: string, text: string): string {
  const lines = text.replace(/\n$/, '').split('\n').map(quoteWord).join(' ');
  const place = quoteWord(`/${path}`);
  return `[ -e ${place} ] || { mkdir -p ${quoteWord(`/${path}`.replace(/\/[^/]*$/, '') || '/')}; printf '%s\\n' ${lines} >${place}; }`;
}
