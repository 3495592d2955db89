import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Built } from '../build/build.ts';
import { readLinkedCrates } from '../build/linked-crates.ts';
import { bundledLibraries } from '../bundle/bundle.ts';
import { indexLibraries } from '../bundle/libraries.ts';
import { extensionModules } from '../bundle/stdlib.ts';
import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import { isFromSource, isShared } from '../domain/definitions.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import type { LinkedCrates } from '../domain/linked-crates.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { exists, readTool } from '../exec/files.ts';
import { programFormat } from '../runtime/program/program.ts';
import { crateComponents } from '../sbom/crates.ts';
import { documentFiles, documentsOf } from '../sbom/documents.ts';
import { embedSbom } from '../sbom/embed.ts';
import { sourceComponents } from '../sbom/from-source.ts';
import { type Component, SBOM_FILES, type Sbom } from '../sbom/model.ts';
import { originComponents } from '../sbom/origin.ts';
import { packageComponent, packageComponents } from '../sbom/packages.ts';
import { wheelComponents } from '../sbom/wheels.ts';
import { digestFile } from '../store/digest.ts';
import { remembered } from '../store/remembered.ts';
import { verifyAll } from '../store/sound.ts';
import type { StoreEntry } from '../store/store.ts';
import { type Contents, packageContents } from './contents.ts';
import type { Prepared, Run } from './prepare.ts';
import type { RuntimeParts } from './runtimes.ts';
import type { Session } from './session.ts';
import { setOf } from './tree-orders.ts';
import { allLocks, type Locks, suiteOf, toolchainPackages } from './trees.ts';

/** Incremented when the same contents give other documents, or are put into a program in another way. */
const SBOM_VERSION = 5;

/** Bills of materials and licences, and the digest of each document by its file name. */
export type SbomDocuments = StoreEntry<{
  readonly components: number;
  readonly digests: Readonly<Record<string, Digest>>;
}>;

export interface Described {
  /** The program with its bill of materials inside. */
  readonly program: Built;
  readonly documents: SbomDocuments;
}

interface Input extends RuntimeParts {
  readonly linkedWith?: string;
  readonly built: Built;
  readonly prepared: Prepared;
}

/** Lists what is in a program and in its bundle, and puts the list into the program. */
export function describeProgram(session: Session, run: Run, input: Input): Promise<Result<Described>> {
  return session.recorder.stage(
    'bundle',
    'Bill of materials',
    async () => {
      let collected: Promise<Result<Sbom>> | undefined;
      const sbom = (): Promise<Result<Sbom>> => {
        collected ??= collectSound(session, run, input);
        return collected;
      };
      // Known without the trees that it is read from.
      const content = await remembered(session.store, sbomInputs(session, run, input), async () => {
        const value = await sbom();
        return value.ok ? ok(createHash('sha256').update(JSON.stringify(value.value)).digest('hex')) : value;
      });
      if (!content.ok) return content;
      const documents = await writeDocuments(session, content.value, sbom);
      if (!documents.ok) return documents;
      const crates = await readLinkedCrates(input.built.folder);
      const program = await withSbom(session, run.plan, input.built, crates, documents.value);
      return program.ok ? ok({ program: program.value, documents: documents.value }) : program;
    },
    ({ program, documents }) => ({
      hit: program.hit && documents.hit,
      detail: `${documents.meta.components} components, ${formatBytes(program.meta.size)} with it`,
    }),
  );
}

/** Everything that the bill of materials is made of. */
function sbomInputs({ context }: Session, { plan, locks }: Run, input: Input) {
  const { built, prepared, rootfs, packages, systemData, linkedWith } = input;
  const { home } = context.settings;
  const { sysroot, target, recipe, toolchain, rust } = plan;
  const from = {
    definitions: { sysroot, target, glibc: recipe.glibc, tools: toolchain.rootfs.packages },
    locks: allLocks(locks).map((one) => ({ lock: one.lock, needed: one.needed })),
    rust: rust?.release,
    ...{ python: prepared.python, time: prepared.sourceDateEpoch, linkedWith },
    systemData: systemData?.data,
  };
  return {
    what: 'content of a bill of materials',
    version: SBOM_VERSION,
    provision: readTool(home).version,
    trees: [
      ...[built, prepared.sysroot, rootfs].map(({ fingerprint }) => fingerprint),
      packages?.target.fingerprint ?? null,
      systemData?.tree.fingerprint ?? null,
    ],
    // The same wherever the definitions are.
    from: createHash('sha256').update(JSON.stringify(from).replaceAll(home, '')).digest('hex'),
  };
}

async function collectSound(session: Session, run: Run, input: Input): Promise<Result<Sbom>> {
  const { store } = session;
  const read = [input.prepared.sysroot, input.rootfs, ...(input.systemData ? [input.systemData.tree] : [])];
  const ready = await store.ready(read.map(({ folder }) => folder));
  if (!ready.ok) return ready;
  // What is read below is what was made.
  const sound = await store.check();
  return sound.ok ? collect(session, run, input) : sound;
}

async function collect(session: Session, { plan, locks }: Run, input: Input): Promise<Result<Sbom>> {
  const { prepared, built } = input;
  const { program, others } = crateComponents(await readLinkedCrates(built.folder));
  const packages = await fromPackages(session, plan, locks, input);
  if (!packages.ok) return packages;
  const source = await fromSource(session, plan, locks, prepared);
  if (!source.ok) return source;
  const wheels =
    input.packages === undefined
      ? []
      : await wheelComponents(join(input.packages.target.folder, input.packages.target.meta.site));
  const all = [
    ...others,
    ...source.value,
    ...packages.value,
    ...wheels,
    ...(await fromSystemData(locks, input)),
    ...systemComponents(plan),
    ...toolComponents(plan, locks),
  ];
  const named = [...all, ...originComponents(all)];
  const components = [...new Map(named.map((one) => [one.id, one])).values()].sort((one, other) =>
    one.id < other.id ? -1 : 1,
  );
  const own = new Set(others.map(({ id }) => id));
  const shipped = components.filter(
    ({ id, place }) => place !== 'tool' && place !== 'origin' && !own.has(id),
  );
  return ok({
    program: { ...program, dependencies: [...(program.dependencies ?? []), ...shipped.map(({ id }) => id)] },
    components,
    provision: readTool(session.context.settings.home).version,
    time: prepared.sourceDateEpoch,
    target: plan.target.rustTriple,
  });
}

/** Packages of the distribution that are in the program, or beside it. */
async function fromPackages(
  session: Session,
  plan: Plan,
  locks: Locks,
  { prepared, rootfs, built, linkedWith, packages: wheels }: Input,
): Promise<Result<readonly Component[]>> {
  const { lock } = locks.sysroot;
  const packages = setOf(locks.sysroot, 'sysroot');
  const contents = await packageContents(session, packages, lock.resolved);
  if (!contents.ok) return contents;
  const { python, sysroot } = prepared;
  const libraries = await bundledLibraries({
    ...{ resolved: plan, python, program: built, sysroot, rootfs },
    ...defined({ packages: wheels, linkedWith }),
  });
  if (!libraries.ok) return libraries;
  const format = programFormat(plan.target);
  const texts = new Map<string, string | undefined>();
  for (const { name } of packages) texts.set(name, await copyright(sysroot.folder, name));
  return ok(
    packageComponents({
      packages,
      suite: (one) => suiteOf(locks, locks.sysroot, 'sysroot', one),
      contents: await present(sysroot.folder, contents.value),
      bundled: [
        ...libraries.value.values(),
        ...(format.sharedLibraries ? await extensionModules(python, sysroot.folder) : []),
      ],
      ofSystem: [...(await indexLibraries(rootfs.folder, plan.target)).keys()],
      allStatic: plan.target.libc !== 'gnu',
      copyright: (name) => texts.get(name),
    }),
  );
}

/** Without what the tree leaves out of its packages. */
async function present(root: string, contents: Contents): Promise<Contents> {
  const left = Object.entries(contents).map(async ([digest, one]) => {
    const there = await Promise.all(one.binaries.map((path) => exists(join(root, path))));
    return [digest, { ...one, binaries: one.binaries.filter((_, i) => there[i]) }] as const;
  });
  return Object.fromEntries(await Promise.all(left));
}

function copyright(root: string, name: string): Promise<string | undefined> {
  return readFile(join(root, distribution.bill.copyright(name)), 'utf8').catch(absentAsUndefined);
}

async function fromSource(
  session: Session,
  { sysroot: definition }: Plan,
  locks: Locks,
  { python }: Prepared,
): Promise<Result<readonly Component[]>> {
  if (!isFromSource(definition)) return ok([]);
  const { lock } = locks.base ?? locks.sysroot;
  const sources = lock.sets.sources ?? [];
  const contents = await packageContents(session, sources, lock.resolved);
  if (!contents.ok) return contents;
  const place = isShared(definition.source.cpython) ? 'beside' : 'inside';
  const pythonVersion = python.version;
  const { suite: of = lock.suite, elsewhere = {} } = definition.source.sources;
  const suite = (source: string): string => elsewhere[source] ?? of;
  return ok(sourceComponents({ definition, sources, suite, pythonVersion, place, contents: contents.value }));
}

async function fromSystemData(locks: Locks, { systemData }: Input): Promise<readonly Component[]> {
  if (systemData === undefined || locks.systemData === undefined) return [];
  const { lock } = locks.systemData;
  const named = new Set(systemData.data.map((one) => one.package));
  const packages = setOf(locks.systemData, 'rootfs').filter(({ name }) => named.has(name));
  return Promise.all(
    packages.map(async (one) =>
      packageComponent(one, lock.suite, 'beside', await copyright(systemData.tree.folder, one.name)),
    ),
  );
}

/** The C library that the bundle asks of a system, by the oldest version that it starts with. */
function systemComponents({ target, sysroot, recipe }: Plan): readonly Component[] {
  const version = recipe.glibc ?? sysroot.glibc;
  if (target.libc !== 'gnu' || version === undefined) return [];
  const purl = `pkg:generic/glibc@${version}`;
  const description = 'The oldest C library that the bundle is made to start with; the system has it';
  return [{ id: purl, name: 'glibc', version, purl, description, place: 'system' }];
}

/** What the definition of the toolchain asks for by name: compilers, linkers and their like. */
function toolComponents({ toolchain, rust }: Plan, locks: Locks): readonly Component[] {
  const asked = new Set(toolchain.rootfs.packages);
  const { suite } = locks.toolchain.lock;
  const isTool = ({ name }: LockedPackage): boolean => asked.has(name);
  const tools = toolchainPackages(locks)
    .filter(isTool)
    .map((one) => packageComponent(one, suite, 'tool', undefined));
  if (rust === undefined) return tools;
  const purl = `pkg:generic/rust@${rust.release}`;
  return [...tools, { id: purl, name: 'rust', version: rust.release, purl, place: 'tool' }];
}

function writeDocuments(
  { context, store }: Session,
  content: string,
  collected: () => Promise<Result<Sbom>>,
): Promise<Result<SbomDocuments>> {
  const inputs = { what: 'bill of materials', version: SBOM_VERSION, content };
  return store.obtain(
    'builds',
    inputs,
    async (folder) => {
      const sbom = await collected();
      if (!sbom.ok) return sbom;
      const documents = documentsOf(sbom.value);
      for (const [path, text] of documentFiles(sbom.value, documents)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      const digests: Record<string, Digest> = {};
      for (const file of Object.values(SBOM_FILES))
        digests[file] = (await digestFile(join(folder, file))).digest;
      return ok({ components: sbom.value.components.length + 1, digests });
    },
    { signal: context.signal, reads: [] },
  );
}

function withSbom(
  { context, store }: Session,
  { recipe }: Plan,
  built: Built,
  crates: LinkedCrates,
  documents: SbomDocuments,
): Promise<Result<Built>> {
  const { program: name, debugFile } = built.meta;
  const inputs = {
    what: 'program with its bill of materials',
    version: SBOM_VERSION,
    program: built.meta.digest,
    debugFile: built.meta.debugDigest ?? null,
    documents: documents.fingerprint,
    crates: createHash('sha256').update(JSON.stringify(crates.crates)).digest('hex'),
  };
  return store.obtain(
    'builds',
    inputs,
    async (folder) => {
      const sound = await verifyAll(store, [built, documents]);
      if (!sound.ok) return sound;
      const read = (file: string): Promise<string> => readFile(join(documents.folder, file), 'utf8');
      const texts = { cyclonedx: await read(SBOM_FILES.cyclonedx), spdx: await read(SBOM_FILES.spdx) };
      const original = await readFile(join(built.folder, name));
      const program = embedSbom(original, crates.crates, texts);
      if (program === undefined) return err(notEmbedded(recipe.project.bin));
      await writeFile(join(folder, name), program);
      await chmod(join(folder, name), 0o755);
      if (debugFile !== undefined) await copyFile(join(built.folder, debugFile), join(folder, debugFile));
      const { digest, size } = await digestFile(join(folder, name));
      return ok({ ...built.meta, digest, size });
    },
    { signal: context.signal, reads: [] },
  );
}

function notEmbedded(bin: string) {
  return {
    code: 'build/sbom',
    what: `The bill of materials cannot be put into ${bin}.`,
    why: 'Its table of sections cannot be read.',
    fix: [
      'Where a linker script or a tool of the project removes section headers, leave that to `strip` in the profile.',
    ],
  } as const;
}
