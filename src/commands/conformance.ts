import { dirname, resolve } from 'node:path';
import type { Conformance } from '../domain/conformance.ts';
import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { testConformance } from '../pipeline/conformance.ts';
import { hostMachine } from '../pipeline/host.ts';
import { planRun } from '../pipeline/prepare.ts';
import { artifactsFolder } from '../pipeline/run.ts';
import { withSession } from '../pipeline/session.ts';
import { conformanceText, worseTests } from '../report/conformance.ts';
import { writeArtifact } from '../report/files.ts';

import { writeDifferences, writePage } from '../report/page/write.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'conformance',
  summary: "run CPython's own tests through the bundle and compare",
  positionals: [{ name: 'recipe', required: true, completes: 'recipe' }],
  options: {
    tests: {
      type: 'string',
      multiple: true,
      value: '<modules>',
      help: 'these modules of Lib/test instead, with commas (repeatable)',
    },
    artifacts: {
      type: 'string',
      value: '<folder>',
      help: 'where conformance.json goes (artifacts/<recipe>)',
    },
  },
  examples: ['provision conformance aarch64', 'provision conformance aarch64 --tests test_grammar,test_int'],
  renders: true,
  run,
};

async function run({ context, positionals, values }: Invocation): Promise<Result<Outcome>> {
  const recipe = positionals[0] as string;
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  const { cwd } = context.settings;
  const given = values.artifacts as string | undefined;
  const folder =
    given === undefined ? artifactsFolder(cwd, planned.value.plan.recipe.name) : resolve(cwd, given);
  const tests = values.tests as readonly string[] | undefined;
  const modules = tests?.flatMap((some) => some.split(',').map((one) => one.trim()));
  const judged = await withSession(context, [planned.value], (session) =>
    testConformance(session, planned.value, { artifacts: folder, ...defined({ modules }) }),
  );
  if (!judged.ok) return judged;
  const written = await writeArtifact(folder, 'conformance.json', judged.value);
  if (!written.ok) return written;
  const { measure } = planned.value.plan.recipe;
  const listed = measure === true ? await writeDifferences(folder) : written;
  if (!listed.ok) return listed;
  const paged = await writePage(given === undefined ? dirname(folder) : folder);
  if (!paged.ok) return paged;
  const failure = measure === true ? undefined : failureOf(judged.value, recipe, folder);
  return ok({
    text: conformanceText(judged.value),
    json: judged.value,
    ...defined({ failure }),
  });
}

/** `samples/conformance`: a test passes on the reference and fails on the target, and nobody declared it. */
function failureOf(conformance: Conformance, recipe: string, folder: string): Failure | undefined {
  const { totals, modules } = conformance;
  const count = totals.worse - totals.declared;
  const first = worseTests(conformance)[0];
  if (count === 0 || first === undefined) return undefined;
  const names = modules.filter(({ conforms }) => !conforms).map(({ name }) => name);
  return {
    code: 'samples/conformance',
    what: `${count} ${count === 1 ? "of CPython's tests fails" : "of CPython's tests fail"} on the target and not on the reference: ${names.join(', ')}.`,
    why: `First: ${first.test}.`,
    fix: [`Run one alone: \`provision conformance ${recipe} --tests ${names[0]}\``],
    evidence: (first.message ?? '').trimEnd().split('\n').slice(-20),
    see: [`${folder}/conformance.json`],
  };
}
