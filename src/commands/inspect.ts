import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { unpackStretch } from '../archive/pack.ts';
import { type ElfFile, readElf } from '../bundle/elf.ts';
import { type ImageFile, readImage } from '../bundle/formats/onefile-image.ts';
import { type GlibcRequirement, minimumGlibc } from '../bundle/glibc-version.ts';
import { type Contents, notBundle, readContents, systemLibraries } from '../bundle/inspect.ts';
import { checkLibrary, checkProgram } from '../bundle/leaks.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { formatBytes } from '../domain/units.ts';
import type { Failure } from '../failure.ts';
import { targetNames } from '../recipe/folders.ts';
import { loadTarget } from '../recipe/targets.ts';
import { programFormat } from '../runtime/program/program.ts';
import { wasmImports } from '../runtime/wasm/imports.ts';
import { isElf } from '../sbom/elf-sections.ts';
import { type EmbeddedSbom, readEmbedded } from '../sbom/embed.ts';
import { type ListedComponent, readListed } from '../sbom/listed.ts';
import { digestFile } from '../store/digest.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { parseSysconfigdata } from '../sysroot/sysconfigdata.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { findSubject, homeIn } from './subject.ts';

export const command: Command = {
  name: 'inspect',
  summary: 'show what a bundle or a program has inside and needs of a system',
  positionals: [{ name: 'bundle', required: true, completes: 'file' }],
  options: {},
  examples: [
    'provision inspect artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.tar.gz',
    'provision inspect ./unpacked-bundle --json',
    'provision inspect ./isolate',
    'provision inspect artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.oci.tar',
  ],
  renders: false,
  run,
};

interface Archive {
  readonly format: 'tar.gz' | 'deb' | 'oci';
  readonly digest: string;
  readonly size: number;
}

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const { cwd, home } = context.settings;
  const given = positionals[0] as string;
  const path = resolve(cwd, given);
  const found = await findSubject(path, given, context.signal);
  if (!found.ok) return found;
  const what = found.value;
  if (what.kind === 'folder') return inspect(home, path, what.home, undefined);
  return withTemporaryFolder(context.settings.store, 'inspect', async (folder) => {
    if (what.kind === 'executable') return inspectProgram({ home, path, given, folder }, what.program);
    const unpacked = await unpackStretch(what.stretch, folder, context.signal);
    if (!unpacked.ok)
      return unpacked.error.code.startsWith('archive/') ? err(unreadable(given, unpacked.error)) : unpacked;
    const archive = { format: what.format, ...(await digestFile(path)) };
    const inspected = await inspect(home, path, await homeIn(folder), archive);
    return inspected.ok ? inspected : err(ofArchive(inspected.error, given, folder));
  });
}

interface Alone {
  readonly home: string;
  readonly path: string;
  readonly given: string;
  /** Of its own, for the files in it. */
  readonly folder: string;
}

/** A program alone: what its own bytes tell, and where it is one file, the files in it. */
async function inspectProgram(
  { home, path, given, folder }: Alone,
  program: Buffer,
): Promise<Result<Outcome>> {
  const elf = await readElf(path);
  const imported = elf === undefined ? wasmImports(program) : undefined;
  if (elf === undefined && imported === undefined)
    return err(notBundle(given, 'It is damaged: its headers cannot be read.'));
  const inside = elf === undefined ? undefined : readImage(program);
  const { digest, size } = await digestFile(path);
  const name = basename(path);
  const machine = elf === undefined ? undefined : await machineOf(home, elf);
  const elves = new Map(elf === undefined ? [] : [[name, elf]]);
  for (const one of inside ?? []) {
    const read = await elfIn(folder, one.bytes);
    if (read !== undefined) elves.set(one.path, read);
  }
  const glibc = minimumGlibc(elves);
  const embedded = readEmbedded(program);
  const imports = imported && [...new Set(imported.map(({ module }) => module))];
  const system = systemLibraries(elves, inside ?? []);
  const needed = inside === undefined ? (elf?.needed ?? []) : Object.keys(system);
  const brought = (inside ?? []).filter((one) => /^lib\/[^/]+\.so(\.|$)/.test(one.path));
  const bytes = (inside ?? []).reduce((sum, one) => sum + one.bytes.length, 0);
  const rows: readonly Row[] = [
    ['program', [`${name}, ${formatBytes(size)}`, digest]],
    ['architecture', [architecture({ elf, machine, imports })]],
    ['C library', libcLines({ elf, glibc, libc: undefined, imports })],
    ...(inside === undefined
      ? []
      : ([
          ['files', [`one file with ${inside.length} in it, ${formatBytes(bytes)}`]],
          ['bundled', bundledLines(brought.map((one) => ({ path: one.path, size: one.bytes.length })))],
        ] as const)),
    ['inside', insideLines(embedded)],
    [
      'needs',
      [
        needed.length > 0
          ? `of the system${inside === undefined ? ', or beside it' : ''}: ${needed.join(', ')}`
          : 'no shared libraries',
      ],
    ],
  ];
  return ok({
    text: format(rows),
    json: {
      schema: 1,
      program: { path: name, size, digest },
      architecture: architectureJson({ elf, machine, imports }),
      libc: {
        name: glibc === undefined ? null : 'gnu',
        floor: glibc?.version ?? null,
        neededBy: glibc?.neededBy ?? [],
        ...defined({ imports }),
      },
      libraries: { needed, ...(inside === undefined ? {} : { brought: brought.map(fileJson) }) },
      ...(inside === undefined ? {} : { files: inside.length, bytes }),
      inside: insideOf(embedded),
      crates: embedded.crates ?? [],
    },
  });
}

/** What a file in one file is, where it is ELF; `readElf` reads files. */
async function elfIn(folder: string, bytes: Buffer): Promise<ElfFile | undefined> {
  if (!isElf(bytes)) return undefined;
  const file = join(folder, 'one');
  await writeFile(file, bytes);
  return readElf(file);
}

function fileJson({ path, bytes }: ImageFile) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { path, size: bytes.length, digest };
}

/** The name of a machine, as a target has it. */
async function machineOf(home: string, { machine }: ElfFile): Promise<string | undefined> {
  for (const { triple } of targetNames(home)) {
    const target = await targetOf(home, triple);
    if (target?.elf?.number === machine) return target.elf.machine;
  }
  return undefined;
}

/** The file is the user's: nothing in the store cures it. */
function unreadable(given: string, { what, why, evidence }: Failure): Failure {
  return { ...notBundle(given, [what, why].filter(Boolean).join(' ')), ...defined({ evidence }) };
}

/** The folder that an archive was unpacked into is gone when this is read. */
function ofArchive(failure: Failure, given: string, folder: string): Failure {
  if (failure.code !== 'usage/not-a-bundle') return failure;
  return notBundle(given, (failure.why ?? '').replaceAll(`${folder}/`, ''));
}

async function inspect(
  home: string,
  path: string,
  folder: string,
  archive: Archive | undefined,
): Promise<Result<Outcome>> {
  const read = await readContents(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    return err(notBundle(path, error.message));
  });
  if (!read.ok) return read;
  const contents = read.value;
  const target = await targetOf(home, contents.manifest.target);
  const program = await readFile(join(folder, contents.manifest.program.file));
  const imports = contents.elf === undefined ? wasmImports(program) : undefined;
  const embedded = readEmbedded(program);
  const view: View = {
    path,
    contents,
    python: pythonOf(contents),
    embedded,
    ...defined({ archive, target }),
    ...(imports === undefined ? {} : { imports: [...new Set(imports.map(({ module }) => module))] }),
  };
  const failure = problem(view);
  return ok({ text: text(view), json: json(view), ...defined({ failure }) });
}

interface View {
  readonly path: string;
  readonly archive?: Archive;
  readonly contents: Contents;
  readonly target?: Target;
  readonly python: Readonly<Record<string, string>>;
  /** What the program says of its own contents. */
  readonly embedded: EmbeddedSbom;
  /** Modules that a WebAssembly program imports from. */
  readonly imports?: readonly string[];
}

/** The definition of the bundle's target, where this version has it. */
async function targetOf(home: string, triple: string): Promise<Target | undefined> {
  if (!targetNames(home).some((one) => one.triple === triple)) return undefined;
  const loaded = await loadTarget(home, triple);
  return loaded.ok ? loaded.value.value : undefined;
}

/** How the interpreter was built, from its sysconfig data. */
function pythonOf({ manifest, sysconfigdata, compiler }: Contents): Readonly<Record<string, string>> {
  const read =
    sysconfigdata === undefined ? undefined : parseSysconfigdata(sysconfigdata.text, sysconfigdata.path);
  const value = (name: string): string => (read?.ok ? String(read.value[name] ?? '') : '');
  const known = { soabi: value('SOABI'), platform: value('MULTIARCH'), configured: value('CONFIG_ARGS') };
  return {
    implementation: manifest.python.implementation,
    version: manifest.python.version,
    linkage: manifest.python.linkage,
    ...Object.fromEntries(Object.entries(known).filter(([, text]) => text !== '')),
    ...defined({ compiler, linkedWith: manifest.python.linkedWith }),
  };
}

/** The failure for a bundle that was changed or would not run on its target. */
function problem({ path, contents, target }: View): Failure | undefined {
  const { manifest, program, elf, elves, bundled } = contents;
  if (program.digest !== manifest.program.digest) {
    return {
      code: 'archive/changed',
      what: `${program.path} in ${basename(path)} does not have the digest given in its bundle.json.`,
      why: `Its digest is ${program.digest}; the packed program had ${manifest.program.digest}.`,
      fix: ['Get the original bundle again.'],
    };
  }
  if (target === undefined || elf === undefined) return undefined;
  // With the flag of a free-threaded Python, as the folder of its library has it.
  const libName = manifest.python.linkedWith ?? basename(manifest.stdlib);
  const found = [
    checkProgram({ name: program.path, file: elf, target, python: { ...manifest.python, libName } }),
    ...bundled.map((library) => checkLibrary(library.path, elves.get(library.path), target)),
  ].filter((one) => one !== undefined);
  const [first, ...also] = found;
  return first === undefined ? undefined : { ...first, also: [...(first.also ?? []), ...also] };
}

function json(view: View) {
  const { contents, archive, target, python, imports } = view;
  const { elf, glibc } = contents;
  return {
    schema: 1,
    ...defined({ archive }),
    target: contents.manifest.target,
    program: contents.program,
    architecture: architectureJson({ elf, machine: machineIn(target, elf), imports }),
    libc: {
      name: target?.libc ?? null,
      floor: glibc?.version ?? null,
      neededBy: glibc?.neededBy ?? [],
      ...defined({ imports }),
    },
    python,
    libraries: { brought: contents.bundled, system: contents.system },
    extensions: contents.extensions,
    packages: contents.packages,
    data: contents.manifest.data ?? [],
    inside: insideOf(view.embedded),
    crates: view.embedded.crates ?? [],
    parts: contents.parts,
    files: contents.files,
    bytes: contents.bytes,
  };
}

interface Architecture {
  readonly elf: ElfFile | undefined;
  /** Name of the machine; absent: it is not known here. */
  readonly machine: string | undefined;
  readonly imports: readonly string[] | undefined;
}

function machineIn(target: Target | undefined, elf: ElfFile | undefined): string | undefined {
  return target?.elf?.number === elf?.machine ? target?.elf?.machine : undefined;
}

function architectureJson({ elf, machine, imports }: Architecture) {
  if (elf === undefined) return { format: imports === undefined ? 'unknown' : 'wasm' };
  return {
    format: 'elf',
    ...defined({ name: machine }),
    machine: elf.machine,
    bits: elf.bits,
    endianness: elf.endianness,
    interpreter: elf.interpreter ?? null,
  };
}

type Row = readonly [name: string, lines: readonly string[]];

function format(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${rows
    .flatMap(([name, lines]) => lines.map((line, i) => `${(i === 0 ? name : '').padEnd(width)}  ${line}`))
    .join('\n')}\n`;
}

function text(view: View): string {
  const { archive, contents, target, python } = view;
  const { program, manifest, bundled, parts } = contents;
  const { elf, glibc } = contents;
  const { imports } = view;
  const rows: readonly Row[] = [
    ...(archive === undefined
      ? []
      : [['archive', [`${archive.format}, ${formatBytes(archive.size)}`, archive.digest]] as const]),
    ['program', [`${program.path}, ${formatBytes(program.size)}`, program.digest]],
    ['target', [manifest.target]],
    ['architecture', [architecture({ elf, machine: machineIn(target, elf), imports })]],
    ['C library', libcLines({ elf, glibc, libc: target?.libc, imports })],
    [
      'Python',
      [
        `${python.implementation} ${python.version}, ${python.linkage}${python.compiler === undefined ? '' : `, ${python.compiler}`}`,
        ...(python.soabi === undefined ? [] : [python.soabi]),
        ...(python.linkedWith === undefined
          ? []
          : [`the program was linked with ${python.linkedWith}, by the stable ABI`]),
      ],
    ],
    ['bundled', bundledLines(bundled)],
    ...(contents.packages.length === 0
      ? []
      : [['packages', contents.packages.map(({ name, version }) => `${name} ${version}`)] as const]),
    ...(manifest.data === undefined
      ? []
      : [['data', manifest.data.map((one) => `${one.data}, ${one.package} ${one.version}`)] as const]),
    ['inside', insideLines(view.embedded)],
    ['needs', needsLines(contents, target)],
    [
      'size',
      [
        `${formatBytes(contents.bytes)} in ${contents.files} files`,
        ...Object.entries(parts)
          .filter(([, { files }]) => files > 0)
          .map(
            ([name, { files, bytes }]) =>
              `${formatBytes(bytes).padStart(9)}  ${name}, ${files} ${files === 1 ? 'file' : 'files'}`,
          ),
      ],
    ],
  ];
  return format(rows);
}

function bundledLines(
  libraries: readonly { readonly path: string; readonly size: number }[],
): readonly string[] {
  if (libraries.length === 0) return ['no shared libraries'];
  return libraries.map(({ path, size }) => `${path}, ${formatBytes(size)}`);
}

/** Components of the bill of materials that the program has inside. */
function insideOf({ documents }: EmbeddedSbom): readonly ListedComponent[] {
  return readListed(documents.cyclonedx ?? '')?.components ?? [];
}

function insideLines(embedded: EmbeddedSbom): readonly string[] {
  if (embedded.damaged.length > 0)
    return [`its bill of materials is damaged: ${embedded.damaged.join(', ')}`];
  const components = insideOf(embedded);
  if (components.length === 0) return ['no bill of materials'];
  const isCrate = ({ purl }: ListedComponent): boolean => purl?.startsWith('pkg:cargo/') ?? false;
  const others = components.filter((one) => !isCrate(one));
  return [
    `${components.length} components, of them ${components.length - others.length} crates (\`provision sbom\` prints them)`,
    ...others.map(({ name, version }) => `${name} ${version}`),
  ];
}

function architecture({ elf, machine, imports }: Architecture): string {
  if (elf === undefined) return imports === undefined ? 'unknown' : 'WebAssembly module, version 1';
  const name = machine ?? `ELF machine ${elf.machine}`;
  const loader = elf.interpreter === undefined ? 'static' : `interpreter ${elf.interpreter}`;
  return `${name}, ${elf.bits}-bit, ${elf.endianness}-endian, ${loader}`;
}

/** Number of file names shown in a list of dependents. */
const SHOWN = 3;

function libcLines({
  elf,
  glibc,
  libc,
  imports,
}: {
  readonly elf: ElfFile | undefined;
  readonly glibc: GlibcRequirement | undefined;
  readonly libc: string | undefined;
  readonly imports: readonly string[] | undefined;
}): readonly string[] {
  if (imports !== undefined) return [`none: imports ${imports.join(', ')}`];
  if (glibc === undefined)
    return [elf?.interpreter === undefined ? 'none: the program is static' : (libc ?? 'unknown')];
  const more = glibc.neededBy.length - SHOWN;
  return [
    `glibc ${glibc.version} or newer, measured from symbol versions`,
    `needed by ${glibc.neededBy.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
  ];
}

function needsLines({ system }: Contents, target: Target | undefined): readonly string[] {
  const names = Object.keys(system);
  if (names.length > 0) return [`of the system: ${names.join(', ')}`];
  return [target === undefined ? 'nothing of the system' : programFormat(target).runsOn];
}
