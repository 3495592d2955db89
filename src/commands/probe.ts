import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ending, ladderMarkdown, ladderText } from '../blocker/ladder.ts';
import { artifactsFailure } from '../domain/artifacts.ts';
import { type Blocker, type Ladder, summaryOf } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { bareVariables } from '../env/env.ts';
import type { Failure } from '../failure.ts';
import { openBook } from '../pipeline/book.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, prepareEnv } from '../pipeline/prepare.ts';
import { type Attempt, fetchCrates, type Site, tryBuild } from '../pipeline/probe/attempt.ts';
import { climb, noSamples } from '../pipeline/probe/ladder.ts';
import { ownRust, tryOwnRust } from '../pipeline/probe/naive.ts';
import { openSession, type Session } from '../pipeline/session.ts';
import { artifactsFolder, suiteOf } from '../pipeline.ts';
import { blockersSummary } from '../report/actions/summary.ts';
import { wrap } from '../report/text.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { ownTag } from '../store/process-tag.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'probe',
  summary: 'build with nothing provisioned, and tell what stops it',
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {
    ladder: { type: 'boolean', help: 'then add one step of provisioning at a time until the samples run' },
    rust: {
      type: 'string',
      value: '<whose>',
      help: 'path: the cargo on PATH; image: the toolchain image (default: path, else image)',
    },
    samples: {
      type: 'string',
      multiple: true,
      value: '<path>',
      help: 'scripts to run at the end of the ladder',
    },
  },
  examples: [
    'provision probe aarch64',
    'provision probe aarch64 --ladder',
    'provision probe musl --rust image',
  ],
  renders: true,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const { values, context } = invocation;
  const { rust } = values;
  if (rust !== undefined && rust !== 'path' && rust !== 'image') return err(unknownRust(String(rust)));
  if (rust === 'path' && values.ladder === true) return err(ladderOnPath());
  const session = await openSession(context);
  if (!session.ok) return session;
  // Named after this process: what a kill leaves is swept.
  const scratch = await mkdtemp(join(session.value.store.folder, 'tmp', `${ownTag()}.probe-`));
  try {
    return await probe(session.value, invocation, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await session.value.engineUsed()?.close?.();
    if (!context.signal.aborted) await session.value.store.settled();
  }
}

async function probe(
  session: Session,
  { positionals, values }: Invocation,
  scratch: string,
): Promise<Result<Outcome>> {
  const { cwd } = session.context.settings;
  const samples = (values.samples as readonly string[] | undefined)?.map((path) => resolve(cwd, path));
  const planned = await planRun(session, positionals[0], hostMachine(), samples);
  if (!planned.ok) return planned;
  const artifacts = artifactsFolder(cwd, planned.value.plan.recipe.name);
  const recipe = positionals[0];
  session.recorder.book = openBook(session, planned.value, artifacts, {
    folder: 'probe',
    ...defined({ recipe }),
  });
  const rust = values.ladder === true || values.rust === 'image' ? undefined : await ownRust({ session });
  if (rust === undefined && values.rust === 'path') return err(noRust());
  const key = fingerprint({ probe: planned.value.plan.recipe.project.root }).slice(0, 16);
  const volume = `probe-${planned.value.plan.target.name}-${key}`;
  const lock = await session.store.lock(`volume-${volume}`, { signal: session.context.signal });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const site = { session, planned: planned.value, scratch, logs: join(artifacts, 'probe', 'logs'), volume };
  // What an earlier probe printed.
  await rm(site.logs, { recursive: true, force: true });
  const started = Date.now();
  if (values.ladder === true) return climbed(site, artifacts, started);
  const tried =
    rust === undefined
      ? await bare(site)
      : await session.recorder.stage(
          'build',
          `Build with cargo ${rust.versions.cargo}, nothing provisioned`,
          () => tryOwnRust(site, rust),
          detail,
        );
  return tried.ok ? ok(told(tried.value, artifacts, planned.value)) : tried;
}

type Ground = Omit<Site, 'toolchain'>;

/** The image's Rust, with nothing of the target beside it. */
async function bare(ground: Ground): Promise<Result<Attempt>> {
  const toolchain = await ground.planned.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const site = { ...ground, toolchain: toolchain.value };
  const fetched = await fetchCrates(site);
  if (!fetched.ok) return fetched;
  return ground.session.recorder.stage(
    'build',
    'Build with the Rust of the image, nothing provisioned',
    () => tryBuild(site, { name: '0-nothing', env: bareVariables(site.planned.plan), config: '' }),
    detail,
  );
}

async function prepare(ground: Ground) {
  const toolchain = await ground.planned.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const prepared = await prepareEnv(ground.planned);
  if (!prepared.ok) return prepared;
  return ok({ site: { ...ground, toolchain: toolchain.value }, prepared: prepared.value });
}

function detail({ blocker }: Attempt) {
  return {
    hit: false,
    detail: blocker === undefined ? 'nothing stops it' : `${blocker.code}: ${blocker.title}`,
  };
}

function told({ blocker, command }: Attempt, artifacts: string, { plan }: Planned): Outcome {
  if (blocker === undefined) {
    const text = `Nothing stops \`${command}\` here. Whether it runs on ${plan.target.rustTriple} shows \`provision probe ${plan.recipe.name} --ladder\`.\n`;
    const actions = { summary: blockersSummary(plan.recipe.name, []) };
    return { text, json: { command, blockers: [] }, actions };
  }
  const blockers = [summaryOf(blocker)];
  return {
    text: blockerText(blocker, artifacts),
    json: { command, blockers },
    actions: { summary: blockersSummary(plan.recipe.name, blockers) },
  };
}

/** Columns of prose; commands and what tools say are never broken. */
const COLUMNS = 80;

/** What happened, the lines that matter, the cure, where the rest is. */
function blockerText(blocker: Blocker, artifacts: string): string {
  const { code, title, command, lines, because, cure, advice, log } = blocker;
  return [
    `${title} [${code}]`,
    ...(command === undefined ? [] : [`  $ ${command.line}`]),
    ...lines.map((line) => `  | ${line}`),
    ...wrap(because, COLUMNS),
    ...(cure === undefined ? [] : [`cure: ${cure}`]),
    ...advice.flatMap((one) => wrap(one, COLUMNS - 6).map((line) => `      ${line}`)),
    `log:  ${join(artifacts, log)}`,
    '',
  ].join('\n');
}

async function climbed(ground: Ground, artifacts: string, started: number): Promise<Result<Outcome>> {
  const { session, planned } = ground;
  const { plan } = planned;
  const samples = await suiteOf(plan);
  if (!samples.ok) return samples;
  if (samples.value.length === 0) return noSamples(plan.recipe.name);
  const ready = await prepare(ground);
  if (!ready.ok) return ready;
  const way = await climb(ready.value.site, ready.value.prepared, samples.value, artifacts);
  if (!way.ok) return way;
  const { steps, outcome, totals } = way.value;
  const ladder: Ladder = {
    schema: 1,
    recipe: plan.recipe.name,
    target: plan.target.rustTriple,
    started: new Date(started).toISOString(),
    ms: Date.now() - started,
    versions: session.recorder.book?.versions ?? {},
    outcome,
    steps,
    ...defined({ totals }),
  };
  const written = await writeLadder(artifacts, ladder);
  if (!written.ok) return written;
  const failure = failureOf(ladder, artifacts);
  return ok({
    text: `${ladderText(ladder)}${ending(ladder)} More: ${join(artifacts, 'ladder.md')}\n`,
    json: ladder,
    ...defined({ failure }),
    actions: { summary: ladderMarkdown(ladder) },
  });
}

async function writeLadder(artifacts: string, ladder: Ladder): Promise<Result<void>> {
  const files = {
    'ladder.json': `${JSON.stringify(ladder, null, 2)}\n`,
    'ladder.md': ladderMarkdown(ladder),
  };
  try {
    await mkdir(artifacts, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const file = join(artifacts, name);
      await writeFile(`${file}.tmp`, text);
      await rename(`${file}.tmp`, file);
    }
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(artifacts, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

/** A ladder that does not reach the samples is a blocked build; samples that differ are that. */
function failureOf(ladder: Ladder, artifacts: string): Failure | undefined {
  const { outcome, steps, totals } = ladder;
  const see = [join(artifacts, 'ladder.md')];
  if (outcome === 'blocked') {
    const last = steps.at(-1)?.blocker;
    const what = `Every step of provisioning is taken, and ${ladder.target} is still blocked: ${last?.title ?? 'nobody knows by what'}.`;
    return {
      code: 'build/blocked',
      what,
      fix: last?.cure === undefined ? ['Read the lines below and the log.'] : [`Run: \`${last.cure}\``],
      evidence: last?.lines ?? [],
      see,
    };
  }
  if (outcome === 'runs') return undefined;
  const what = `${totals?.failed ?? 0} of ${totals?.samples ?? 0} samples differ at the end of the ladder.`;
  return { code: 'samples/differ', what, fix: [`See the diffs: \`provision ${ladder.recipe}\``], see };
}

function unknownRust(given: string): Failure {
  return {
    code: 'usage/rust',
    what: `--rust takes \`path\` or \`image\`, not "${given}".`,
    fix: ['Leave it out: the cargo on PATH is taken, else that of the toolchain image.'],
  };
}

function ladderOnPath(): Failure {
  return {
    code: 'usage/rust',
    what: 'The ladder provisions the Rust of the toolchain image; it cannot add a standard library to yours.',
    fix: ['Leave out `--rust path`, or `--ladder`.'],
  };
}

function noRust(): Failure {
  return {
    code: 'usage/no-rust',
    what: 'There is no cargo on PATH that answers.',
    fix: ['Leave out `--rust path`: the Rust of the toolchain image is taken.'],
  };
}
