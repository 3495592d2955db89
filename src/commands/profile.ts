import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isFromSource, type ProfileMaking, type SourceSysroot } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import { planRun, startRun } from '../pipeline/prepare.ts';
import { withSession } from '../pipeline/session.ts';
import { profileFile, trainingFile } from '../recipe/folders.ts';
import { onDisk } from '../store/disk.ts';
import type { Trained } from '../sysroot/source/profile.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'profile',
  summary: 'train the CPython of a recipe, write its locked profile',
  positionals: [{ name: 'recipe', required: true, completes: 'recipe' }],
  options: {},
  examples: ['provision profile x86_64'],
  renders: true,
  run,
};

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const { settings } = context;
  const planned = await planRun(context, positionals[0], hostMachine());
  if (!planned.ok) return planned;
  const { plan } = planned.value;
  const { sysroot } = plan;
  if (!isFromSource(sysroot)) return err(nothingCompiled(plan));
  const misfit = cannotTrain(plan);
  if (misfit !== undefined) return err(misfit);
  const script = trainingFile(settings.home, sysroot.python.name);
  const training = await readFile(script, 'utf8').catch(() => undefined);
  if (training === undefined) return err(noTraining(script));
  const { patches, ownPatches } = sysroot.source.cpython;
  const making: ProfileMaking = { patches, ownPatches, training };
  const trained = await withSession(context, [planned.value], async (session) => {
    const started = await startRun(session, planned.value, { sysrootOnly: true });
    return started.ok ? started.value.trees.train(sysroot, making) : started;
  });
  if (!trained.ok) return trained;
  if (settings.frozen) return checkOnly(settings.home, sysroot, trained.value);
  return write(settings.home, plan, sysroot, trained.value);
}

async function write(
  home: string,
  plan: Plan,
  { python }: SourceSysroot,
  trained: Trained,
): Promise<Result<Outcome>> {
  const file = profileFile(home, python.name);
  const counts = join(dirname(file), COUNTS);
  const text = textOf(plan, trained);
  const before = await readFile(file, 'utf8').catch(() => undefined);
  const changed = before !== text;
  if (changed) {
    // The counts first: until the file names them nobody reads them.
    const written = await onDisk(dirname(file), async () => {
      await writeFile(counts, trained.compressed);
      await writeFile(file, text);
    });
    if (!written.ok) return written;
  }
  const { functions, compressed } = trained;
  return ok({
    text: `pythons/${python.name}/${basename(file)}: ${changed ? 'written' : 'unchanged'}, ${functions} functions, ${compressed.length} bytes\n`,
    json: { file, changed, functions, bytes: compressed.length, sha256: trained.sha256 },
  });
}

/** With `--frozen` nothing is written: a profile that is not what the training gives is the failure. */
async function checkOnly(
  home: string,
  { python }: SourceSysroot,
  trained: Trained,
): Promise<Result<Outcome>> {
  const file = profileFile(home, python.name);
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.includes(trained.inputs) && text.includes(trained.sha256))
    return ok({ text: `${file} is what the training gives.\n`, json: { file, changed: false } });
  return err({
    code: 'lock/profile-stale',
    what: `${file} is not what the training gives.`,
    fix: ['Write it: the same without `--frozen`.'],
  });
}

const COUNTS = 'profile.profdata.br';

function textOf({ recipe, sysroot }: Plan, { compiler, functions, inputs, sha256 }: Trained): string {
  return `# yaml-language-server: $schema=../profile.schema.json
# Written by \`provision profile ${recipe.name}\`.
schema: 1
description: How often each part of CPython ${sysroot.python.version} runs in training.py.
sysroot: ${recipe.sysroot}
training: training.py
compiler: ${JSON.stringify(compiler)}
inputs: ${inputs}
counts:
  file: ${COUNTS}
  sha256: ${sha256}
  functions: ${functions}
`;
}

function nothingCompiled({ recipe }: Plan): Failure {
  return {
    code: 'recipe/no-optimization',
    what: `The recipe \`${recipe.name}\` takes its Python from packages: there is nothing to compile with a profile.`,
    fix: ['Name a recipe whose Python is built from source: `provision list`.'],
  };
}

/** The training runs on this machine. */
function cannotTrain({ recipe, target, hostTarget }: Plan): Failure | undefined {
  if (target.machine === hostTarget.machine && target.libc === hostTarget.libc) return undefined;
  return {
    code: 'recipe/no-training',
    what: `The profile cannot be made with the recipe \`${recipe.name}\`: its programs are ${target.rustTriple}'s.`,
    why: 'The training is run on this machine; the profile serves all targets.',
    fix: [`Name a recipe for \`${hostTarget.name}\`: \`provision profile ${hostTarget.name}\`.`],
  };
}

function noTraining(file: string): Failure {
  return {
    code: 'recipe/no-training',
    what: `There is no training workload: ${file} cannot be read.`,
    fix: ['Write one: a Python script that does what programs do most.'],
  };
}
