import { ok, type Result } from '../domain/result.ts';
import type { EmulationSupport } from '../engine/emulation.ts';
import type { Engine } from '../engine/engine.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';

/** Why programs that a runtime's program starts do not start. */
export type Unstarted = Extract<EmulationSupport, { by: 'none' }>;

/** The facility that depends on whether they do. */
export const STARTED_PROGRAMS = 'subprocess';

/** Asks the engine whether programs start that a runtime's program starts; undefined: they do. */
export async function whyUnstarted(
  getEngine: () => Promise<Result<Engine>>,
  { emulation }: Pick<RuntimeInstance, 'emulation'>,
): Promise<Result<Unstarted | undefined>> {
  if (emulation === undefined) return ok(undefined);
  const engine = await getEngine();
  if (!engine.ok) return engine;
  const support = await engine.value.emulation(emulation.elf);
  if (!support.ok) return support;
  return ok(support.value.by === 'none' ? support.value : undefined);
}

/** A notice for a run in which something was left out. */
export function unstartedNotice({ why }: Unstarted) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/programs-not-started',
    message: `Programs that a program of the target starts are not emulated here. ${why} \`provision doctor\` names what helps.`,
  } as const;
}
