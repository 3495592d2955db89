import { createHash } from 'node:crypto';
import { defined } from '../../src/domain/defined.ts';
import type { SigningKey } from './openpgp.ts';

/** A package of a made-up archive; fields that are not given are made up too. */
export interface ArchivePackage {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  readonly depends?: string;
  /** Its file; served below `pool/`. */
  readonly content?: Buffer;
}

/**
 * The files of an archive with one suite: what apt reads of it, signed where there is a key. Format: the archive's
 * `dists/<suite>/Release` and `Packages`, as the Debian wiki's "DebianRepository/Format" has them.
 */
export function debianArchive(
  packages: readonly ArchivePackage[],
  architectures: readonly string[],
  key?: SigningKey,
  suite = 'trixie',
  sources: readonly ArchiveSource[] = [],
  validUntil?: Date,
  date = new Date(Date.now() - 60_000),
): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const sums: string[] = [];
  for (const architecture of architectures) {
    const here = packages.filter((each) => [architecture, 'all'].includes(each.architecture ?? architecture));
    const index = Buffer.from(here.map((each) => stanza(each, architecture)).join('\n'));
    const name = `main/binary-${architecture}/Packages`;
    files.set(`dists/${suite}/${name}`, index);
    sums.push(` ${sha256(index)} ${index.length} ${name}\n`);
    for (const each of here) files.set(poolPath(each, architecture), contentOf(each));
  }
  if (sources.length > 0) {
    const index = Buffer.from(sources.map(sourceStanza).join('\n'));
    files.set(`dists/${suite}/main/source/Sources`, index);
    sums.push(` ${sha256(index)} ${index.length} main/source/Sources\n`);
    for (const source of sources) {
      for (const [name, content] of Object.entries(source.files))
        files.set(`${sourceFolder(source)}/${name}`, content);
    }
  }
  const release = Buffer.from(
    `Origin: Test\nLabel: Test\nSuite: ${suite}\nCodename: ${suite}\n` +
      `Date: ${dateField(date)}\n` +
      (validUntil === undefined ? '' : `Valid-Until: ${dateField(validUntil)}\n`) +
      `Architectures: ${architectures.join(' ')}\nComponents: main\nSHA256:\n${sums.join('')}`,
  );
  files.set(`dists/${suite}/Release`, release);
  if (key !== undefined) files.set(`dists/${suite}/Release.gpg`, Buffer.from(key.sign(release)));
  return files;
}

function dateField(date: Date): string {
  return date.toUTCString().replace('GMT', 'UTC');
}

/** A source package of a made-up archive. */
export interface ArchiveSource {
  readonly name: string;
  readonly version: string;
  /** File name → content. */
  readonly files: Readonly<Record<string, Buffer>>;
}

function sourceFolder({ name }: ArchiveSource): string {
  return `pool/main/${name[0]}/${name}`;
}

function sourceStanza(source: ArchiveSource): string {
  const list = (sum: (content: Buffer) => string): string =>
    Object.entries(source.files)
      .map(([name, content]) => `\n ${sum(content)} ${content.length} ${name}`)
      .join('');
  return [
    `Package: ${source.name}`,
    'Format: 3.0 (quilt)',
    `Binary: ${source.name}`,
    'Architecture: any',
    `Version: ${source.version}`,
    'Maintainer: Nobody <nobody@example.org>',
    `Directory: ${sourceFolder(source)}`,
    `Files:${list((content) => createHash('md5').update(content).digest('hex'))}`,
    `Checksums-Sha256:${list(sha256)}`,
    '',
  ].join('\n');
}

function stanza(each: ArchivePackage, architecture: string): string {
  const content = contentOf(each);
  const fields = {
    Package: each.name,
    Version: versionOf(each),
    Architecture: each.architecture ?? architecture,
    Maintainer: 'Nobody <nobody@example.org>',
    ...defined({ Depends: each.depends }),
    Filename: poolPath(each, architecture),
    Size: String(content.length),
    MD5sum: createHash('md5').update(content).digest('hex'),
    SHA256: sha256(content),
    Description: `the package ${each.name}`,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

function poolPath(each: ArchivePackage, architecture: string): string {
  const version = versionOf(each).replace(/^\d+:/, '');
  return `pool/main/${each.name[0]}/${each.name}/${each.name}_${version}_${each.architecture ?? architecture}.deb`;
}

function versionOf(each: ArchivePackage): string {
  return each.version ?? '1.0-1';
}

function contentOf(each: ArchivePackage): Buffer {
  return each.content ?? Buffer.from(`content of ${each.name} ${versionOf(each)}`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
