import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import { testsFacts, toolchainFacts } from './facts.ts';
import { type Planned, prepareEnv, type Run, startRun } from './prepare.ts';
import type { Finished } from './run.ts';
import { makePackagesAlone } from './runtimes.ts';
import type { Session } from './session.ts';
import { runTests } from './tests.ts';

/** A crate that is a library: nothing is bundled, and its tests run in the sandbox of the build. */
export async function testLibrary(
  session: Session,
  planned: Planned,
  artifacts: string,
): Promise<Result<Finished>> {
  const { plan } = planned;
  const logs = join(artifacts, 'logs');
  const started = await startRun(session, planned, { logs });
  if (!started.ok) return started;
  const run = started.value;
  const { trees } = run;
  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  session.context.emit({ type: 'facts', facts: toolchainFacts(run, toolchain.value) });
  const prepared = await prepareEnv(session, run);
  if (!prepared.ok) return prepared;
  const packages = await makePackagesAlone(session, run, prepared.value, logs);
  if (!packages.ok) return packages;
  skipProgram(session, run);
  const tests = await runTests(session, plan, {
    ...{ toolchain: toolchain.value, prepared: prepared.value, artifacts, logs },
    ...defined({ packages: packages.value }),
  });
  if (!tests.ok) return tests;
  session.context.emit({ type: 'facts', facts: testsFacts(tests.value) });
  if (tests.value.results.length === 0) session.context.emit(noTests(plan));
  return ok({ run, outcome: tests.value });
}

function noTests({ crate, recipe: { tests } }: Plan) {
  const selected = tests?.cargo?.args ?? [];
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/none',
    message:
      `${crate.name} is a library, and no test was run: ` +
      (selected.length === 0
        ? 'cargo found none. Write one (`#[test]`) in `src/` or `tests/`.'
        : `\`tests.cargo.args\` selects none (${selected.join(' ')}).`),
  } as const;
}

function skipProgram({ context, recorder }: Session, { plan }: Run): void {
  const why = `${plan.crate.name} is a library`;
  recorder.skip('build', 'Build', why);
  recorder.skip('bundle', 'Bundle', why);
  recorder.skip('run', `Samples on ${plan.target.rustTriple}`, why);
  for (const path of plan.recipe.samples.paths)
    context.emit({
      type: 'notice',
      level: 'info',
      code: 'samples/no-program',
      message: `The scripts in ${path} are not run: ${why}.`,
    });
}
