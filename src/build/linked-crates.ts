import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { LinkedCrate, LinkedCrates } from '../domain/linked-crates.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import { onDisk } from '../store/disk.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { type BuildInput, cargoOf } from './build.ts';
import { SCRIPT_ENV } from './cargo-home.ts';
import { packagesIn } from './cargo-lock.ts';
import { type CargoStep, lockedCrates } from './crates.ts';
import { conditionVariables } from './fetch-step.ts';
import type { LockedCrates } from './sealed-crates.ts';

/** What cargo says of a package (`cargo metadata`, format 1); only what is read here. */
interface Metadata {
  readonly packages: readonly MetadataPackage[];
  readonly resolve: { readonly nodes: readonly MetadataNode[] };
}

interface MetadataPackage {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly source: string | null;
  readonly license: string | null;
  readonly license_file: string | null;
  readonly manifest_path: string;
}

interface MetadataNode {
  readonly id: string;
  readonly deps: readonly {
    readonly pkg: string;
    readonly dep_kinds: readonly { readonly kind: string | null }[];
  }[];
}

/** What a build compiled, by cargo's own messages: ids of packages. */
export interface Compiled {
  /** The package of the program. */
  readonly root: string;
  /** For the target: these are linked. */
  readonly target: ReadonlySet<string>;
  /** For the machine that builds: build scripts and procedural macros. */
  readonly host: ReadonlySet<string>;
}

/** Which packages a build compiled, and for what (`compiler-artifact`, The Cargo Book, "External tools"). */
export function compiledPackages(messages: string, bin: string, triple: string): Compiled | undefined {
  const target = new Set<string>();
  const host = new Set<string>();
  let root: string | undefined;
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as {
      reason?: string;
      package_id?: string;
      executable?: string | null;
      filenames?: readonly string[];
      target?: { readonly name?: string };
    };
    if (message.reason !== 'compiler-artifact' || message.package_id === undefined) continue;
    const forTarget = message.filenames?.some((name) => name.startsWith(`${PATHS.target}/${triple}/`));
    (forTarget === true ? target : host).add(message.package_id);
    if (message.target?.name === bin && message.executable) root = message.package_id;
  }
  return root === undefined ? undefined : { root, target, host };
}

/** The crates of a program in the order of their names, with what each depends on. Pure. */
export function linkedCrates(
  { packages, resolve }: Metadata,
  { root, target, host }: Compiled,
  checksums: ReadonlyMap<string, string> = new Map(),
): readonly (LinkedCrate & { readonly manifest: string; readonly licenseFile?: string })[] {
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const kinds = new Map<string, LinkedCrate['kind']>();
  const visit = (id: string, kind: LinkedCrate['kind']): void => {
    const known = kinds.get(id);
    if (known === kind || known === 'runtime') return;
    kinds.set(id, kind);
    for (const { pkg, dep_kinds } of nodes.get(id)?.deps ?? []) {
      const normal = dep_kinds.some((one) => one.kind === null);
      const build = dep_kinds.some((one) => one.kind === 'build');
      if (normal && kind === 'runtime' && target.has(pkg)) visit(pkg, 'runtime');
      else if ((normal || build) && (host.has(pkg) || target.has(pkg))) visit(pkg, 'build');
    }
  };
  visit(root, 'runtime');
  const key = ({ name, version, source }: MetadataPackage): string => `${name} ${version} ${source ?? ''}`;
  const known = packages
    .filter(({ id }) => kinds.has(id))
    .sort((one, other) => (key(one) < key(other) ? -1 : 1));
  const index = new Map(known.map(({ id }, i) => [id, i]));
  return known.map((one) => ({
    name: one.name,
    version: one.version,
    kind: kinds.get(one.id) ?? 'build',
    dependencies: (nodes.get(one.id)?.deps ?? [])
      .filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind !== 'dev'))
      .flatMap(({ pkg }) => index.get(pkg) ?? [])
      .sort((a, b) => a - b),
    ...defined({
      root: one.id === root ? (true as const) : undefined,
      source: one.source ?? undefined,
      license: one.license ?? undefined,
      checksum: checksums.get(`${one.name} ${one.version} ${one.source ?? ''}`),
      licenseFile: one.license_file ?? undefined,
    }),
    texts: {},
    manifest: one.manifest_path,
  }));
}

/** SHA-256 of the crates of a `Cargo.lock` that come from a registry, by name, version and source. */
export function lockChecksums(lock: string): ReadonlyMap<string, string> {
  return new Map(
    packagesIn(lock).flatMap((one) =>
      typeof one.checksum === 'string'
        ? [[`${one.name} ${one.version} ${one.source ?? ''}`, one.checksum] as const]
        : [],
    ),
  );
}

/**
 * Prints the licence texts of the folders that it reads from standard input, one a line: `<number> <bytes> <name>` and the
 * bytes, for each.
 */
const TEXTS_SCRIPT = `shopt -s nullglob nocaseglob
number=0
while IFS=$'\\t' read -r folder named; do
  for file in "$folder"/{license,licence,copying,copyright,notice,unlicense}* \${named:+"$folder/$named"}; do
    [ -f "$file" ] || continue
    printf '%s %s %s\\n' "$number" "$(stat -Lc %s -- "$file")" "\${file##*/}"
    cat -- "$file"
  done
  number=$((number + 1))
done
`;

/** Reads what the script printed. */
export function readTexts(output: Buffer): readonly { number: number; name: string; text: string }[] {
  const texts: { number: number; name: string; text: string }[] = [];
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at);
    const [, number, bytes, name] = /^(\d+) (\d+) (.*)$/.exec(output.toString('utf8', at, end)) ?? [];
    if (end < 0 || number === undefined || bytes === undefined || name === undefined) break;
    const from = end + 1;
    at = from + Number(bytes);
    texts.push({ number: Number(number), name, text: output.toString('utf8', from, at) });
  }
  return texts;
}

/** File in a program's entry: the crates that are linked into it, and their licence texts. */
const LINKED_CRATES = 'crates.json';

type ListStep = CargoStep & { readonly input: BuildInput };

/** Lists the crates that were built, with their licence texts, beside the program. */
export async function recordCrates(
  step: ListStep,
  box: Sandbox,
  messages: string,
  folder: string,
): Promise<Result<void>> {
  const { recipe, target } = step.input.resolved;
  const compiled = compiledPackages(messages, recipe.project.bin, target.rustTriple);
  if (compiled === undefined) return ok(undefined);
  const crates = await lockedCrates(step);
  const key = listKey(step, compiled, crates);
  const kept = await readListed(step, key);
  if (kept !== undefined) {
    await writeFile(join(folder, LINKED_CRATES), kept);
    return ok(undefined);
  }
  const listed = await listCrates(step, box, compiled, crates);
  if (!listed.ok) return listed;
  const { list, ofRust } = listed.value;
  await writeFile(join(folder, LINKED_CRATES), list);
  const { view } = step;
  const record = ofRust || key === undefined ? {} : { key, list };
  return onDisk(view.listed, () => writeFile(view.listed, JSON.stringify(record)));
}

/** All that can change the list but the Rust of the project, which an edit changes. */
function listKey(
  { input, view, cargo }: ListStep,
  { root, target, host }: Compiled,
  { lock, inputs }: LockedCrates,
): string | undefined {
  // Crates in a folder of this machine are not compared with the lock.
  if (cargo.sources.length > 0) return undefined;
  const { features, defaultFeatures, bin } = input.resolved.recipe.project;
  return fingerprint({
    ...{ what: 'list of crates', version: LIST_VERSION, lock, ...inputs },
    ...{ bin, features: [...features], defaultFeatures, others: view.sources.others },
    ...{ root, compiled: [...target].sort(), compiledHere: [...host].sort() },
  });
}

/** Incremented when the list for equal inputs changes. */
const LIST_VERSION = 1;

async function readListed({ view }: ListStep, key: string | undefined): Promise<string | undefined> {
  if (key === undefined) return undefined;
  const text = await readFile(view.listed, 'utf8').catch(unlessDeviceFailed(undefined));
  try {
    const kept = JSON.parse(text ?? 'null') as { readonly key?: unknown; readonly list?: unknown } | null;
    return kept?.key === key && typeof kept.list === 'string' ? kept.list : undefined;
  } catch {
    // Damaged from outside: cargo is asked.
    return undefined;
  }
}

/** Asks cargo what was built, in the sandbox of the build. */
async function listCrates(
  { context, input, log, cargo }: ListStep,
  box: Sandbox,
  compiled: Compiled,
  { lock }: LockedCrates,
): Promise<Result<{ readonly list: string; readonly ofRust: boolean }>> {
  const { target, hostTarget, recipe } = input.resolved;
  const { project } = recipe;
  const triples = [...new Set([target.rustTriple, hostTarget.rustTriple])];
  const asked = await runTool(context, box, {
    stage: 'build',
    code: 'build/failed',
    doing: `Listing the crates of ${project.bin}`,
    fix: ['See what cargo says above.'],
    log,
    quietStdout: true,
    command: {
      argv: [
        ...[cargoOf(input), 'metadata', '--format-version', '1', '--locked', '--offline'],
        ...triples.flatMap((triple) => ['--filter-platform', triple]),
        ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
        ...(project.defaultFeatures ? [] : ['--no-default-features']),
      ] as [string, ...string[]],
      // As of the build, but for flags of the linker: they are for one of the two platforms.
      env: { ...input.env.variables, ...conditionVariables(input.env.variables), ...cargo.names },
      cwd: crateAt(project),
    },
  });
  if (!asked.ok) return asked;
  const metadata = JSON.parse(Buffer.from(asked.value.stdout).toString('utf8')) as Metadata;
  const crates = linkedCrates(metadata, compiled, lockChecksums(lock));
  const found = await box.run({
    argv: ['/usr/bin/bash', '--norc', '-c', TEXTS_SCRIPT],
    env: SCRIPT_ENV,
    cwd: '/',
    stdin: crates.map(({ manifest, licenseFile }) => `${dirname(manifest)}\t${licenseFile ?? ''}\n`).join(''),
  });
  if (!found.ok) return found;
  const texts = readTexts(Buffer.from(found.value.stdout));
  const distinct = [...new Set(texts.map(({ text }) => text))];
  const record: LinkedCrates = {
    crates: crates.map(({ manifest: _, licenseFile: __, ...crate }, i) => ({
      ...crate,
      texts: Object.fromEntries(
        texts
          .filter(({ number }) => number === i)
          .map(({ name, text }) => [name, distinct.indexOf(text)] as const)
          .sort(([one], [other]) => (one < other ? -1 : 1)),
      ),
    })),
    texts: distinct,
  };
  // A licence may stand in any file.
  const ofRust = crates.some(({ licenseFile }) => licenseFile?.endsWith('.rs') === true);
  return ok({ list: JSON.stringify(record), ofRust });
}

/** The crates of a built program. */
export async function readLinkedCrates(folder: string): Promise<LinkedCrates> {
  return JSON.parse(await readFile(join(folder, LINKED_CRATES), 'utf8')) as LinkedCrates;
}
