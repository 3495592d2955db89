import type { LockedPackage, PackageSet } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { PrivateApt } from './apt.ts';
import { SOURCE } from './entries.ts';

/**
 * The files of source packages that a build takes: the upstream archive and the distribution's own (`debian/`, with its
 * patches), by name; of those in `upstreamOnly` the former alone, with the version of the whole. Further upstream archives (`.orig-<component>.tar.*`) are not
 * taken. Format: dsc(5).
 */
export async function resolveSources(
  aptOf: (suite: string | undefined) => Promise<Result<PrivateApt>>,
  set: string,
  { suite, elsewhere = {}, packages, upstreamOnly = [] }: PackageSet,
): Promise<Result<readonly LockedPackage[]>> {
  const locked: LockedPackage[] = [];
  for (const name of [...packages].sort()) {
    const apt = await aptOf(elsewhere[name] ?? suite);
    if (!apt.ok) return apt;
    const run = await apt.value.run(['apt-get', 'source', '--print-uris', '--only-source', '--', name]);
    if (!run.ok) return run;
    const files = run.value.stdout.split('\n').flatMap((line) => fileFrom(line, name));
    if (!run.value.ok || !files.some(isUpstream)) return err(unknownSource(name, set, run.value.messages));
    const upstream = files.filter(isUpstream);
    if (upstreamOnly.includes(name))
      locked.push(...upstream.map((one) => ({ ...one, version: packageVersion(files) ?? one.version })));
    else locked.push(...upstream, ...files.filter(isDistribution));
  }
  return ok(locked);
}

const isUpstream = ({ path }: LockedPackage): boolean => /\.orig\.tar\.(?:xz|gz|bz2)$/.test(path);
const isDistribution = ({ path }: LockedPackage): boolean => /\.debian\.tar\.(?:xz|gz|bz2)$/.test(path);

/** The version with the distribution's revision: updates are listed by it. Its description has it in the name. */
function packageVersion(files: readonly LockedPackage[]): string | undefined {
  return files.find(({ path }) => path.endsWith('.dsc'))?.version;
}

/** One line of `--print-uris`: `'uri' file size SHA256:digest`. */
function fileFrom(line: string, name: string): readonly LockedPackage[] {
  const match = /^'(\S+)' (\S+) (\d+) SHA256:([0-9a-f]{64})$/.exec(line);
  if (match === null) return [];
  const [, uri = '', file = '', size = '', digest = ''] = match;
  // Everything of an archive is below its `pool`: Debian's archive layout.
  const path = /\/(pool\/.*)$/.exec(decodeURIComponent(uri))?.[1];
  if (path === undefined) return [];
  return [
    {
      name,
      version: versionOf(file, name),
      architecture: SOURCE,
      path,
      digest: `sha256:${digest}`,
      size: Number(size),
    },
  ];
}

/** `python3.13_3.13.5-2.debian.tar.xz`, `python3.13_3.13.5.orig.tar.xz`: the version in a source file's name. */
function versionOf(file: string, name: string): string {
  return file.slice(name.length + 1).replace(/\.(?:orig|debian)(?:-\w+)?\.tar\.\w+$|\.dsc$/, '');
}

function unknownSource(name: string, set: string, messages: readonly string[]): Failure {
  return {
    code: 'lock/unknown-source',
    what: `There is no source package "${name}" with an upstream archive (set "${set}").`,
    fix: [
      'Check its name in the definition: the name of the source, which may differ from the packages made of it.',
    ],
    evidence: messages.filter((line) => /^[EW]:/.test(line)),
  };
}
