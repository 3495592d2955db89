import { closest } from '../domain/closest.ts';
import type { DefinitionFile } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { readLock } from '../lock/lockfile.ts';
import { type LockDifference, relock } from '../lock/relock.ts';
import { definitionFiles, loadDefinition } from '../recipe/definitions.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'lock',
  summary: 'resolve images and sysroots to exact packages, write locks',
  positionals: [{ name: 'definition', required: false, rest: true, completes: 'definition' }],
  options: {},
  examples: ['provision lock', 'provision lock docker/llvm', 'provision lock --frozen'],
  renders: false,
  run,
};

interface Locked {
  readonly id: string;
  readonly changed: boolean;
  readonly differences: readonly LockDifference[];
}

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const wanted = choose(definitionFiles(context.settings.home), positionals);
  if (!wanted.ok) return wanted;
  if (context.settings.frozen) return checkOnly(wanted.value);
  const done: Locked[] = [];
  for (const file of wanted.value) {
    const definition = await loadDefinition(file);
    if (!definition.ok) return definition;
    const locked = await relock(context, file, definition.value);
    if (!locked.ok) return locked;
    const { changed, differences } = locked.value;
    done.push({ id: file.id, changed, differences });
  }
  const lines = done.flatMap(({ id, changed, differences }) => [
    `${id}: ${changed ? 'lock written' : 'unchanged'}`,
    ...differences.map(describe),
  ]);
  return ok({ text: `${lines.join('\n')}\n`, json: done });
}

/** With `--frozen` nothing is written: a missing or stale lock is the failure. */
async function checkOnly(files: readonly DefinitionFile[]): Promise<Result<Outcome>> {
  for (const file of files) {
    const definition = await loadDefinition(file);
    if (!definition.ok) return definition;
    const lock = await readLock(file, definition.value);
    if (!lock.ok) return lock;
  }
  return ok({
    text: `${files.length} locks fit their definitions.\n`,
    json: files.map(({ id }) => ({ id, changed: false })),
  });
}

function describe({ name, architecture, from, to }: LockDifference): string {
  if (from === undefined) return `  + ${name}:${architecture} ${to}`;
  if (to === undefined) return `  - ${name}:${architecture} ${from}`;
  return `  ~ ${name}:${architecture} ${from} → ${to}`;
}

function choose(files: readonly DefinitionFile[], ids: readonly string[]): Result<readonly DefinitionFile[]> {
  if (ids.length === 0) return ok(files);
  const chosen: DefinitionFile[] = [];
  for (const id of ids) {
    const file = files.find((one) => one.id === id.replace(/\/+$/, ''));
    if (file === undefined) return err(unknown(id, files));
    chosen.push(file);
  }
  return ok(chosen);
}

function unknown(id: string, files: readonly DefinitionFile[]): Failure {
  const meant = closest(
    id,
    files.map((file) => file.id),
  );
  return {
    code: 'usage/unknown-definition',
    what: `There is no image or sysroot "${id}".`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
      `Known: ${files.map((file) => file.id).join(', ')}.`,
    ],
  };
}
