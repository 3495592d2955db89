import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ending, ladderMarkdown, ladderText } from '../diagnose/ladder-text.ts';
import { openDiagnostics } from '../diagnose/open-diagnostics.ts';
import { type Attempt, fetchCrates, type ProbeSetup, tryBuild } from '../diagnose/probe/attempt.ts';
import { findHostCargo, tryHostBuild } from '../diagnose/probe/host-build.ts';
import { noSamples, runSteps } from '../diagnose/probe/steps.ts';
import { type Blocker, cureSentence, type Ladder, summaryOf } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { bareVariables } from '../env/env.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import { needProgram } from '../pipeline/need-program.ts';
import { type Planned, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { artifactsFolder, suiteOf } from '../pipeline/run.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { blockersSummary } from '../report/actions/summary.ts';
import { writeArtifacts } from '../report/files.ts';
import { wrap } from '../report/text.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'probe',
  summary: 'build with nothing provisioned, and show what stops it',
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

async function run({ values, context, positionals }: Invocation): Promise<Result<Outcome>> {
  const { rust } = values;
  const ladder = values.ladder === true;
  if (rust !== undefined && rust !== 'path' && rust !== 'image') return err(unknownRust(String(rust)));
  if (rust === 'path' && ladder) return err(ladderOnPath());
  const { settings } = context;
  const [recipe] = positionals;
  const samples = (values.samples as readonly string[] | undefined)?.map((path) =>
    resolve(settings.cwd, path),
  );
  const planned = await planRun(context, recipe, hostMachine(), samples);
  if (!planned.ok) return planned;
  const program = ladder ? needProgram(planned.value.plan, '`--ladder`') : ok(undefined);
  if (!program.ok) return program;
  const artifacts = artifactsFolder(settings.cwd, planned.value.plan.recipe.name);
  const diagnostics = openDiagnostics(settings, planned.value, artifacts, { folder: 'probe', recipe });
  const use = (session: Session) =>
    withTemporaryFolder(session.store.folder, 'probe', async (scratch) => {
      const started = await startRun(session, planned.value);
      if (!started.ok) return started;
      const setup = {
        session,
        run: started.value,
        diagnostics,
        scratch,
        logs: join(artifacts, 'probe', 'logs'),
      };
      return probe(setup, artifacts, { ladder, rust });
    });
  return withSession(context, [planned.value], use, diagnostics);
}

async function probe(
  unlocked: Omit<ProbeSetup, 'volume'>,
  artifacts: string,
  asked: { readonly ladder: boolean; readonly rust: 'path' | 'image' | undefined },
): Promise<Result<Outcome>> {
  const { session, run: planned } = unlocked;
  const rust = asked.ladder || asked.rust === 'image' ? undefined : await findHostCargo(session.context);
  if (rust === undefined && asked.rust === 'path') return err(noRust());
  const key = fingerprint({ probe: planned.plan.recipe.project.root }).slice(0, 16);
  const volume = `probe-${planned.plan.target.name}-${key}`;
  const lock = await session.store.lock(`volume-${volume}`, { signal: session.context.signal });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const setup = { ...unlocked, volume };
  // What an earlier probe printed.
  await rm(setup.logs, { recursive: true, force: true });
  const started = Date.now();
  if (asked.ladder) return probeLadder(setup, artifacts, started);
  const tried =
    rust === undefined
      ? await buildBare(setup)
      : await session.recorder.stage(
          'build',
          `Build with cargo ${rust.versions.cargo}, nothing provisioned`,
          () => tryHostBuild(setup, rust),
          detail,
        );
  return tried.ok ? ok(outcomeOf(tried.value, artifacts, planned)) : tried;
}

/** The image's Rust, with nothing of the target beside it. */
async function buildBare(setup: ProbeSetup): Promise<Result<Attempt>> {
  const toolchain = await setup.run.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const context = { ...setup, toolchain: toolchain.value };
  const fetched = await fetchCrates(context);
  if (!fetched.ok) return fetched;
  return setup.session.recorder.stage(
    'build',
    'Build with the Rust of the image, nothing provisioned',
    () => tryBuild(context, { name: '0-nothing', env: bareVariables(setup.run.plan), config: '' }),
    detail,
  );
}

async function prepare(setup: ProbeSetup) {
  const toolchain = await setup.run.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const prepared = await prepareEnv(setup.session, setup.run);
  if (!prepared.ok) return prepared;
  return ok({ context: { ...setup, toolchain: toolchain.value }, prepared: prepared.value });
}

function detail({ blocker }: Attempt) {
  return {
    hit: false,
    detail: blocker === undefined ? 'nothing stops it' : `${blocker.code}: ${blocker.title}`,
  };
}

function outcomeOf({ blocker, command }: Attempt, artifacts: string, { plan }: Planned): Outcome {
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

/** Columns of prose; commands and output of tools are never broken. */
const COLUMNS = 80;

/** What happened, the lines that matter, the fix, where the rest is. */
function blockerText(blocker: Blocker, artifacts: string): string {
  const { code, title, command, lines, because, cure, advice, log } = blocker;
  return [
    `${title} [${code}]`,
    ...(command === undefined ? [] : [`  $ ${command.line}`]),
    ...lines.map((line) => `  | ${line}`),
    ...wrap(because, COLUMNS),
    ...(cure === undefined ? [] : [`fix:  ${cureSentence(cure)}`]),
    ...advice.flatMap((one) => wrap(one, COLUMNS - 6).map((line) => `      ${line}`)),
    `log:  ${join(artifacts, log)}`,
    '',
  ].join('\n');
}

async function probeLadder(setup: ProbeSetup, artifacts: string, started: number): Promise<Result<Outcome>> {
  const { plan } = setup.run;
  const samples = await suiteOf(plan);
  if (!samples.ok) return samples;
  if (samples.value.length === 0) return noSamples(plan.recipe.name);
  const ready = await prepare(setup);
  if (!ready.ok) return ready;
  const ran = await runSteps(ready.value.context, ready.value.prepared, samples.value, artifacts);
  if (!ran.ok) return ran;
  const { steps, outcome, totals } = ran.value;
  const ladder: Ladder = {
    schema: 1,
    recipe: plan.recipe.name,
    target: plan.target.rustTriple,
    started: new Date(started).toISOString(),
    ms: Date.now() - started,
    versions: setup.diagnostics.versions,
    outcome,
    steps,
    ...defined({ totals }),
  };
  const written = await writeArtifacts(artifacts, {
    'ladder.json': `${JSON.stringify(ladder, null, 2)}\n`,
    'ladder.md': ladderMarkdown(ladder),
  });
  if (!written.ok) return written;
  const failure = failureOf(ladder, artifacts);
  return ok({
    text: `${ladderText(ladder)}${ending(ladder)} More: ${join(artifacts, 'ladder.md')}\n`,
    json: ladder,
    ...defined({ failure }),
    actions: { summary: ladderMarkdown(ladder) },
  });
}

/** A ladder that does not reach the samples is a blocked build; samples that differ are that. */
function failureOf(ladder: Ladder, artifacts: string): Failure | undefined {
  const { outcome, steps, totals } = ladder;
  const see = [join(artifacts, 'ladder.md')];
  if (outcome === 'blocked') {
    const last = steps.at(-1)?.blocker;
    const what = `Every step of provisioning is taken, and ${ladder.target} is still blocked: ${last?.title ?? 'the reason is not known'}.`;
    return {
      code: 'build/blocked',
      what,
      fix: last?.cure === undefined ? ['Read the lines below and the log.'] : [cureSentence(last.cure)],
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
