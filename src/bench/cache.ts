import { generateKeyPairSync } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import { defined } from '../domain/defined.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { LocalRegistry } from './local-registry.ts';
import { type Measured, median, runTool } from './measure.ts';
import { countOption } from './options.ts';
import { type Row, seconds, table } from './rows.ts';

const RECIPE = 'native';
/** Most that a second machine may need, as a part of what the first did. */
const BOUND = 0.15;

/**
 * `provision bench cache [<recipe>]`: an empty store and a registry with everything, against an empty store alone. Both have the
 * package files that the settings' store has.
 */
export async function benchCache(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const { context, values, positionals } = invocation;
  return withTemporaryFolder(context.settings.store, 'bench', async (folder) => {
    const keys = await makeKeys(folder);
    const given = context.settings.cache?.text;
    const own = given === undefined ? await LocalRegistry.start(join(folder, 'registry')) : undefined;
    if (own?.ok === false) return own;
    await using registry = own?.value;
    const address = given ?? `oci://${registry?.host}/bench/cache`;
    const recipe = positionals[1] ?? RECIPE;
    const bench: Bench = { invocation, folder, recipe, address, keys, rounds: rounds.value ?? 1 };
    const rows = values['skip-cold'] === true ? await takeAlone(bench) : await takeTurns(bench);
    if (!rows.ok) return rows;
    const title = `A second machine: ${recipe} from ${address}`;
    const json = { recipe, rounds: bench.rounds, address, rows: rows.value };
    return ok({ text: table(title, rows.value), json });
  });
}

interface Keys {
  readonly sign: string;
  readonly trust: string;
}

interface Bench {
  readonly invocation: Invocation;
  /** Empty folder on the store's file system. */
  readonly folder: string;
  readonly recipe: string;
  readonly address: string;
  readonly keys: Keys;
  readonly rounds: number;
}

/** A run of the tool, and what it says of itself. */
interface Ran extends Measured {
  readonly report: Report;
}

async function makeKeys(folder: string): Promise<Keys> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keys = { sign: join(folder, 'sign.pem'), trust: join(folder, 'cache.pub') };
  await writeFile(keys.sign, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(keys.trust, publicKey.export({ type: 'spki', format: 'pem' }));
  return keys;
}

/** The first machine makes everything and pushes it, the second takes it; then again. */
async function takeTurns(bench: Bench): Promise<Result<readonly Row[]>> {
  const alone: Ran[] = [];
  const pushes: Ran[] = [];
  const taken: Ran[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const store = await emptyStore(bench, `first-${round}`);
    const cold = await run(bench, store);
    if (!cold.ok) return cold;
    alone.push(cold.value);
    if (round === 0) {
      const pushed = await push(bench, store);
      if (!pushed.ok) return pushed;
      pushes.push(pushed.value);
    }
    await rm(store, { recursive: true, force: true });
    const second = await take(bench, round);
    if (!second.ok) return second;
    const other = differs(cold.value, second.value);
    if (other !== undefined) return err(other);
    taken.push(second.value);
  }
  return ok([takenRow(bench, taken, alone), ...details(taken), pushRow(pushes)]);
}

/** What the user's own store has is pushed, and taken into empty ones. */
async function takeAlone(bench: Bench): Promise<Result<readonly Row[]>> {
  const pushed = await push(bench, bench.invocation.context.settings.store);
  if (!pushed.ok) return pushed;
  const taken: Ran[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const second = await take(bench, round);
    if (!second.ok) return second;
    const other = differs(pushed.value, second.value);
    if (other !== undefined) return err(other);
    taken.push(second.value);
  }
  return ok([takenRow(bench, taken, []), ...details(taken), pushRow([pushed.value])]);
}

async function take(bench: Bench, round: number): Promise<Result<Ran>> {
  const store = await emptyStore(bench, `second-${round}`);
  const taken = await run(bench, store, {
    PROVISION_CACHE: bench.address,
    PROVISION_TRUSTED_KEYS: bench.keys.trust,
  });
  await rm(store, { recursive: true, force: true });
  return taken;
}

function push(bench: Bench, store: string): Promise<Result<Ran>> {
  const env = { PROVISION_CACHE: bench.address, PROVISION_SIGN_KEY: bench.keys.sign };
  return run(bench, store, env, ['--push-cache']);
}

/** Empty but for package files: neither side waits for a mirror. */
async function emptyStore({ invocation, folder }: Bench, name: string): Promise<string> {
  const store = join(folder, name);
  const from = join(invocation.context.settings.store, 'blobs', 'sha256');
  const to = join(store, 'blobs', 'sha256');
  await mkdir(to, { recursive: true });
  // On one file system.
  for (const file of await readdir(from)) await link(join(from, file), join(to, file));
  return store;
}

async function run(
  { invocation: { context }, folder, recipe }: Bench,
  store: string,
  env: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): Promise<Result<Ran>> {
  const artifacts = join(folder, 'artifacts');
  const args = ['run', recipe, '--no-host', '--store', store, '--artifacts', artifacts, ...options];
  const ran = await runTool(context, args, folder, env);
  if (!ran.ok) return ran;
  const report = JSON.parse(await readFile(join(artifacts, 'report.json'), 'utf8')) as Report;
  return ok({ ...ran.value, report });
}

/** What was taken is what was made, and nothing was built or run for it. */
function differs(made: Ran, { report, stdout }: Ran): Failure | undefined {
  const digests = [made.report, report].map(({ bundle }) => bundle?.digest ?? 'no bundle');
  const what =
    digests[0] !== digests[1]
      ? `Two bundles: ${digests.join(' was made, and taken was ')}.`
      : report.engine !== undefined
        ? 'The second machine started a sandbox: something was not taken from the registry.'
        : undefined;
  if (what === undefined) return undefined;
  return {
    code: 'engine/bench-cache',
    what,
    fix: ['Look at what the second machine says of the registry.'],
    evidence: stdout.split('\n').filter((line) => /cache\/|oci/.test(line)),
  };
}

function takenRow({ recipe }: Bench, taken: readonly Ran[], alone: readonly Ran[]): Row {
  const runs = taken.map(({ ms }) => ms);
  const row = { what: `${recipe}: an empty store and the registry`, ms: median(runs), runs };
  const goal = `≤ ${BOUND}× without it`;
  if (alone.length === 0) return { ...row, goal };
  const cold = alone.map(({ ms }) => ms);
  const ratio = median(runs.map((ms, i) => ms / (cold[i] as number)));
  const against = { what: 'an empty store alone', ms: median(cold), runs: cold, ratio };
  return { ...row, against, goal, met: ratio <= BOUND };
}

/** Entries, results and bytes that were taken, and where the time went. */
function details(taken: readonly Ran[]): readonly Row[] {
  const last = taken.at(-1) as Ran;
  const stages = [...Map.groupBy(last.report.stages, ({ name }) => name)]
    .map(([name, all]) => ({ name, ms: all.reduce((sum, { ms }) => sum + ms, 0) }))
    .filter(({ ms }) => ms >= 1)
    .toSorted((a, b) => b.ms - a.ms);
  const said = /Taken from \S+: (.*?)\.(?: \[|$)/m.exec(last.stdout)?.[1] ?? 'nothing';
  return [
    { what: 'taken', ms: 0, runs: [], goal: 'none', note: said },
    {
      what: 'time by stage; some run side by side',
      ...{ ms: 0, runs: [], goal: 'none' },
      note: stages.map(({ name, ms }) => `${name} ${seconds(ms)}`).join(', '),
    },
  ];
}

function pushRow(pushes: readonly Ran[]): Row {
  const runs = pushes.map(({ ms }) => ms);
  const note = /Pushed to \S+: (.*?)\.(?: \[|$)/m.exec(pushes[0]?.stdout ?? '')?.[1];
  return {
    ...{ what: 'the first machine: a run with nothing to do, and the push', ms: median(runs), runs },
    goal: 'none',
    ...defined({ note }),
  };
}
