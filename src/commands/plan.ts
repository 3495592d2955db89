import { ok, type Result } from '../domain/result.ts';
import { hostMachine } from '../pipeline/host.ts';
import { resolveForBuild } from '../pipeline/prepare.ts';
import { formatPlan, makePlan } from '../plan/plan.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'plan',
  summary: 'print what a run of the recipe will do, and do nothing',
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {},
  examples: ['provision plan aarch64', 'provision plan aarch64 --json'],
  renders: false,
  run,
};

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const resolved = await resolveForBuild(context.settings, positionals[0]);
  if (!resolved.ok) return resolved;
  const plan = makePlan(resolved.value, hostMachine());
  return ok({ text: formatPlan(plan, context.settings.cwd), json: plan });
}
