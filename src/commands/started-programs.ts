import { machine } from 'node:os';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { ElfKind, EmulationSupport } from '../engine/emulation.ts';
import type { Engine } from '../engine/engine.ts';
import { loadTargets } from '../recipe/targets.ts';

/** What becomes of programs that programs of other machines start, in one engine. */
export interface StartedPrograms {
  readonly works: boolean;
  readonly detail: string;
  readonly fix: readonly string[];
}

/** Tries it for every target that is emulated here. */
export async function checkStartedPrograms(
  { settings }: Context,
  engine: Engine,
): Promise<Result<StartedPrograms>> {
  const targets = await loadTargets(settings.home);
  if (!targets.ok) return targets;
  const emulated = targets.value.flatMap(({ value }) => emulatedHere(value));
  const unable: { readonly name: string; readonly support: EmulationSupport }[] = [];
  for (const { name, elf } of emulated) {
    const support = await engine.emulation(elf);
    if (!support.ok) return support;
    if (support.value.by === 'sandbox') {
      const detail = 'are emulated, too: the emulator is registered for the sandbox alone (binfmt_misc)';
      return ok({ works: true, detail, fix: [] });
    }
    if (support.value.by === 'none') unable.push({ name, support: support.value });
  }
  const [first] = unable;
  if (first === undefined || first.support.by !== 'none') {
    return ok({ works: true, detail: 'are emulated, too: by what this machine has registered', fix: [] });
  }
  const { why, fix, evidence } = first.support;
  const names = unable.map(({ name }) => name).join(', ');
  return ok({
    works: false,
    detail: [`do not start (${names}). ${why}`, ...evidence.slice(0, 2)].join(' '),
    fix: [...fix, `Or let this machine's kernel do it: \`${distribution.advice.registerEmulators}\``],
  });
}

function emulatedHere(target: Target): readonly { readonly name: string; readonly elf: ElfKind }[] {
  const { name, emulator, elf, pointerWidth, endianness } = target;
  if (emulator === undefined || elf === undefined || target.machine === machine()) return [];
  return [{ name, elf: { pointerWidth, endianness, number: elf.number } }];
}
