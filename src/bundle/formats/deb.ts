import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { packTar } from '../../archive/pack.ts';
import { packageOfLibrary } from '../../distro/debian/names.ts';
import { ok, type Result } from '../../domain/result.ts';
import { digestFile } from '../../store/digest.ts';
import type { FormatInput, Formatted } from './format.ts';

/**
 * A Debian package: the bundle below `/usr/lib/<package>`, and its program on the PATH. An ar(5) archive of
 * `debian-binary`, `control.tar.gz` and `data.tar.gz` (deb(5)); no maintainer scripts.
 */
export async function writeDeb(input: FormatInput, folder: string): Promise<Result<Formatted>> {
  const name = packageName(input.name);
  const version = debianVersion(input.version);
  const home = `usr/lib/${name}`;
  const control = join(folder, '.control');
  await mkdir(control);
  const { sums, kibibytes } = await survey(input.bundle, home);
  await writeFile(join(control, 'control'), controlText(input, name, version, kibibytes));
  await writeFile(join(control, 'md5sums'), sums);
  const common = { mtime: input.sourceDateEpoch, compress: 'gzip', dotted: true } as const;
  const members = [
    { name: 'control.tar.gz', parts: [{ root: control, at: '' }] },
    {
      name: 'data.tar.gz',
      parts: [{ root: input.bundle, at: home }],
      links: { [`usr/bin/${input.name}`]: `../lib/${name}/${input.contents.manifest.program.file}` },
    },
  ];
  const files: string[] = [];
  for (const { name: member, ...content } of members) {
    const archive = join(folder, `.${member}`);
    const packed = await packTar({ ...common, ...content, archive });
    if (!packed.ok) return packed;
    files.push(archive);
  }
  const file = `${name}_${version}_${input.target.debianArch}.deb`;
  const source = Readable.from(
    archive(
      members.map((one) => one.name),
      files,
      input.sourceDateEpoch,
    ),
  );
  await pipeline(source, createWriteStream(join(folder, file), { flags: 'wx' }));
  await rm(control, { recursive: true });
  for (const one of files) await rm(one);
  const { digest, size } = await digestFile(join(folder, file));
  return ok({ file, digest, size });
}

async function* archive(
  names: readonly string[],
  files: readonly string[],
  time: number,
): AsyncGenerator<Buffer> {
  const format = Buffer.from('2.0\n');
  yield Buffer.from('!<arch>\n');
  yield member('debian-binary', format.length, time);
  yield format;
  for (const [index, file] of files.entries()) {
    const { size } = await stat(file);
    yield member(names[index] as string, size, time);
    yield* createReadStream(file) as AsyncIterable<Buffer>;
    // Members begin at even offsets.
    if (size % 2 === 1) yield Buffer.from('\n');
  }
}

/** The 60-byte header of a member; all numbers are decimal except the mode (ar(5)). */
function member(name: string, size: number, time: number): Buffer {
  const fields = [name.padEnd(16), String(time).padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
  return Buffer.from(`${fields.join('')}${String(size).padEnd(10)}\`\n`);
}

/** The checksums of all files in the format of md5sum(1), and the installed size. */
async function survey(bundle: string, home: string): Promise<{ sums: string; kibibytes: number }> {
  const lines: string[] = [];
  let kibibytes = 0;
  const visit = async (below: string): Promise<void> => {
    const entries = await readdir(join(bundle, below), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      // Policy 5.6.20: files are rounded up to whole KiB; everything else counts as one.
      if (entry.isDirectory()) await visit(path);
      if (!entry.isFile()) kibibytes += 1;
      if (!entry.isFile()) continue;
      const bytes = await readFile(join(bundle, path));
      lines.push(`${createHash('md5').update(bytes).digest('hex')}  ${home}/${path}\n`);
      kibibytes += Math.ceil(bytes.length / 1024);
    }
  };
  await visit('');
  return { sums: lines.join(''), kibibytes };
}

function controlText(input: FormatInput, name: string, version: string, kibibytes: number): string {
  const depends = dependencies(input);
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${input.target.debianArch}`,
    'Maintainer: unknown <unknown@invalid>',
    `Installed-Size: ${kibibytes}`,
    ...(depends.length === 0 ? [] : [`Depends: ${depends.join(', ')}`]),
    'Section: misc',
    'Priority: optional',
    `Description: ${input.description.replace(/\s+/g, ' ').replace(/\.$/, '')}`,
    ` CPython ${input.contents.manifest.python.version} and its standard library are part of it.`,
    '',
  ].join('\n');
}

/**
 * The packages that provide the system libraries the bundle needs, as in the run-time tree that it was tested in. The
 * C library gets the measured minimum version.
 */
function dependencies({ contents, packages, target }: FormatInput): readonly string[] {
  const known = new Set(packages.map(({ name }) => name));
  // One package provides all sonames of the C library and the loader.
  const libc = [...known].find((name) => /^libc\d+(\.\d+)?$/.test(name));
  const own = Object.keys(contents.system).flatMap((library) => packageOfLibrary(library) ?? []);
  const others = [...new Set(own.filter((name) => known.has(name) && name !== libc))].sort();
  const measured = target.libc === 'gnu' && libc !== undefined && contents.glibc !== undefined;
  return measured ? [`${libc} (>= ${contents.glibc?.version})`, ...others] : others;
}

/** Lower-case letters, digits, `+`, `-`, `.`; at least two characters (Debian Policy, 5.6.1). */
function packageName(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9+.-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return plain.length < 2 ? `program-${plain}` : plain;
}

/** A pre-release sorts before its release, as in Cargo (Debian Policy, 5.6.12). */
function debianVersion(version: string): string {
  return version.replace('-', '~').replaceAll('-', '.');
}
