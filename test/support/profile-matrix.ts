// The cells of the matrix of cargo's profiles over targets: what each has to show when it is built and run.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliOptions, provision } from './cli.ts';
import { sectionNames } from './sections.ts';

interface Profile {
  /** What a panic does where the target can unwind. */
  readonly panic: 'unwind' | 'abort';
  /** What is left: everything with debug information, names alone, nothing; undefined where tools may choose. */
  readonly left?: 'debug' | 'names' | 'nothing';
}

/** The profiles of `test/crates/profiles` and cargo's own. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  release: { panic: 'unwind', left: 'names' },
  dev: { panic: 'unwind', left: 'debug' },
  test: { panic: 'unwind', left: 'debug' },
  bench: { panic: 'unwind', left: 'names' },
  'abort-fat': { panic: 'abort', left: 'nothing' },
  'abort-thin': { panic: 'abort', left: 'nothing' },
  'unwind-fat': { panic: 'unwind', left: 'debug' },
  'unwind-thin': { panic: 'unwind', left: 'names' },
  size: { panic: 'unwind', left: 'names' },
  small: { panic: 'abort', left: 'names' },
  packed: { panic: 'unwind', left: 'debug' },
  unpacked: { panic: 'unwind', left: 'debug' },
  overrides: { panic: 'unwind' },
};

/** Recipes of all targets, and of the further runtimes of one. */
export const RECIPES = [
  ...['x86_64', 'native', 'aarch64', 'armv7', 'ppc64le', 'riscv64', 's390x', 'musl', 'aarch64-musl'],
  ...['wasm32-wasip1', 'wasm32-wasip1-node', 'wasm32-wasip1-snapshot'],
] as const;

export interface Cell {
  readonly recipe: string;
  readonly profile: string;
  /** With Python, or without. */
  readonly bin: 'embed' | 'plain';
}

interface Result {
  readonly name: string;
  readonly status: string;
  readonly by?: string;
  readonly reason?: string;
  readonly target?: { readonly exit: { readonly status?: number; readonly signal?: string } };
}

/** Targets for which rustc has no debug information in files of its own (`rustc --print split-debuginfo`). */
const UNSPLIT = /^(?:wasm|riscv64)/;

interface Report {
  readonly target: { readonly triple: string };
  readonly python?: { readonly linkage: string };
  readonly bundle?: { readonly file: string };
  readonly samples: readonly Result[];
  readonly failure?: { readonly code: string; readonly what: string };
}

export interface Crates {
  /** Copy of `test/crates/profiles`. */
  readonly own: string;
  /** Copy of the shipped runner with the same profiles: a program that can begin with a snapshot. */
  readonly runner: string;
}

/** Builds and runs a cell: what is not as it should be; nothing if all is. */
export async function runCell(crates: Crates, cell: Cell, options: CliOptions): Promise<readonly string[]> {
  const snapshot = cell.recipe.endsWith('-snapshot');
  const crate = snapshot ? crates.runner : crates.own;
  const bin = snapshot ? 'isolate' : cell.bin;
  const features = snapshot ? ['snapshot'] : cell.bin === 'embed' ? ['python'] : [];
  const project = `{bin: ${bin}, profile: ${cell.profile}, default-features: false, features: [${features.join(', ')}]}`;
  // `cargo test` starts its programs on every target that is no WebAssembly.
  const tested = cell.bin === 'plain' && !cell.recipe.startsWith('wasm');
  const samples = join(crates.own, 'samples', ...(snapshot ? ['status.py'] : []));
  writeFileSync(
    join(crate, 'provision.yaml'),
    `schema: 1\nextends: ${cell.recipe}\nproject: ${project}\nsamples: {path: ${JSON.stringify(samples)}}\n${tested ? 'tests: {cargo: {args: [--bin, plain]}}\n' : ''}`,
  );
  const artifacts = mkdtempSync(join(crates.own, '..', 'artifacts-'));
  try {
    const run = await provision(['run', '--artifacts', artifacts], { ...options, cwd: crate });
    if (run.status !== 0 && run.status !== 7) return [`exit status ${run.status}`, run.stderr];
    const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
    if (report.bundle === undefined) return ['no bundle', run.stderr];
    const unpacked = unpack(join(artifacts, report.bundle.file.slice(artifacts.length + 1)), crates);
    const profile = PROFILES[cell.profile] as Profile;
    const split = readdirSync(artifacts).filter((file) => file.endsWith('.dwp'));
    const debug = split.map((file) => sectionNames(readFileSync(join(artifacts, file))));
    const tests = report.samples.filter(({ by }) => by === 'cargo').length;
    return [
      ...samplesWrong(report, profile),
      ...(tests === (tested ? 1 : 0) ? [] : [`${tests} of cargo's tests`]),
      ...splitWrong(split, debug, cell.profile === 'packed' && !UNSPLIT.test(report.target.triple), bin),
      ...leftWrong(readFileSync(programIn(unpacked)), profile),
      ...(runsHere(report) ? alone(programIn(unpacked), samples) : []),
    ];
  } finally {
    rmSync(artifacts, { recursive: true });
  }
}

function samplesWrong({ samples, target }: Report, { panic }: Profile): readonly string[] {
  const wasm = target.triple.startsWith('wasm');
  return samples.flatMap(({ name, status, reason, target: seen }) => {
    const said = `${name}: ${status} ${reason ?? ''} ${JSON.stringify(seen?.exit)}`;
    // No panic unwinds in a program for WASI: that of its standard library is to abort.
    if (name !== 'panic' || (panic === 'unwind' && !wasm)) return status === 'passed' ? [] : [said];
    const ended = wasm ? /unreachable/ : /^SIGABRT$/;
    return status === 'failed' && ended.test(seen?.exit.signal ?? '')
      ? []
      : [`${said}, not ended by a panic`];
  });
}

/** What a program has of names and debug information, against what its profile leaves. */
function leftWrong(program: Buffer, { left }: Profile): readonly string[] {
  const sections = sectionNames(program);
  const names = sections.includes('.symtab') || sections.includes('name');
  const debug = sections.includes('.debug_info') || sections.includes('.zdebug_info');
  const seen = debug ? 'debug' : names ? 'names' : 'nothing';
  return left === undefined || seen === left ? [] : [`${seen} left, not ${left}: ${sections.join(' ')}`];
}

/** Debug information in a file of its own is delivered beside the bundle. */
function splitWrong(
  found: readonly string[],
  sections: readonly (readonly string[])[],
  wanted: boolean,
  bin: string,
): readonly string[] {
  const right = wanted ? [`${bin}.dwp`] : [];
  if (found.join() !== right.join()) return [`delivered: ${found.join(' ')}, not ${right.join(' ')}`];
  return sections.every((names) => names.includes('.debug_info.dwo')) ? [] : ['no debug information in it'];
}

/** A program for glibc wants the one that it was linked with, which this machine may not have. */
function runsHere({ target, python }: Report): boolean {
  return (
    process.arch === 'x64' && target.triple === 'x86_64-unknown-linux-musl' && python?.linkage === 'static'
  );
}

/** The delivered program in another folder, with nothing in its environment. */
function alone(program: string, samples: string): readonly string[] {
  const script = samples.endsWith('.py') ? samples : join(samples, 'status.py');
  const run = spawnSync(program, [script], { encoding: 'utf8', env: {}, cwd: '/' });
  const right = run.status === 3 && run.stdout === '3\nbuilt by a build script: yes\n' && run.stderr === '';
  return right ? [] : [`alone: ${run.status} ${run.signal} ${run.stdout} ${run.stderr}`];
}

/** The only folder of the archive, in a folder that no build has seen. */
function unpack(archive: string, { own }: Crates): string {
  const place = join(own, '..', 'elsewhere ü');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  const { status, stderr } = spawnSync('tar', ['-xzf', archive, '-C', place], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return join(place, readdirSync(place)[0] as string);
}

function programIn(bundle: string): string {
  return join(
    bundle,
    'bin',
    readdirSync(join(bundle, 'bin')).find((name) => !name.endsWith('.py')) as string,
  );
}
