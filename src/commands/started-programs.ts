import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { ElfKind } from '../engine/emulation.ts';
import type { Engine } from '../engine/engine.ts';
import { machineName } from '../exec/machine.ts';
import { loadTargets } from '../recipe/targets.ts';
import type { Unstarted } from '../run/started-programs.ts';

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
  const found = await Promise.all(emulated.map(({ elf }) => engine.emulation(elf)));
  const unable: { readonly name: string; readonly support: Unstarted }[] = [];
  let own = false;
  for (const [index, support] of found.entries()) {
    if (!support.ok) return support;
    own ||= support.value.by === 'sandbox';
    if (support.value.by === 'none')
      unable.push({ name: emulated[index]?.name ?? '', support: support.value });
  }
  const [first] = unable;
  if (first === undefined) {
    const how = own
      ? 'the emulator is registered for the sandbox alone (binfmt_misc)'
      : 'by what this machine has registered';
    return ok({ works: true, detail: `are emulated, too: ${how}`, fix: [] });
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
  if (emulator === undefined || elf === undefined || target.machine === machineName()) return [];
  return [{ name, elf: { pointerWidth, endianness, number: elf.number } }];
}
