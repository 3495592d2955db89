import type { Context, OptionValues } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { Swept } from '../engine/docker/sweep.ts';
import { openStore } from '../store/open.ts';
import { type Pruned, prune } from '../store/prune.ts';
import type { Store } from '../store/store.ts';
import { type StoreUsage, storeUsage } from '../store/usage.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'clean',
  summary: 'show the size of the store and remove unused entries',
  positionals: [],
  options: {
    'older-than': {
      type: 'string',
      value: '<days>',
      help: 'remove entries last used that long ago (default: 30)',
    },
    all: { type: 'boolean', help: 'remove everything that no running provision uses' },
    'dry-run': { type: 'boolean', help: 'only show the size, remove nothing' },
  },
  examples: ['provision clean --dry-run', 'provision clean --older-than 7', 'provision clean --all'],
  renders: false,
  run,
};

export const DAY_MS = 24 * 60 * 60 * 1000;
export const DEFAULT_DAYS = 30;

async function run({ context, values }: Invocation): Promise<Result<Outcome>> {
  const days = daysOf(values);
  if (days === undefined) return err(badDays(String(values['older-than']), 'clean'));
  const store = await openStore(context.settings.store);
  if (!store.ok) return store;
  const removed =
    values['dry-run'] === true
      ? undefined
      : await prune(store.value, values.all === true ? { all: true } : { olderThanMs: days * DAY_MS });
  if (removed !== undefined && !removed.ok) return removed;
  const engine =
    values['dry-run'] === true ? undefined : await cleanEngine(context, store.value, values.all === true);
  const usage = await storeUsage(store.value);
  await store.value.settled();
  if (!usage.ok) return usage;
  if (engine !== undefined && !engine.ok) return engine;
  return ok({
    text: describe(context.settings.store, usage.value, removed?.value, engine?.value),
    json: {
      store: context.settings.store,
      usage: usage.value,
      removed: removed?.value ?? null,
      engine: engine?.value ?? null,
    },
  });
}

/** Cleans the Docker engine where there is one. Its failure counts only where the engine was chosen explicitly. */
async function cleanEngine(context: Context, store: Store, all: boolean): Promise<Result<Swept> | undefined> {
  const { engine } = context.settings;
  if (engine === 'namespace') return undefined;
  const { cleanDockerEngine } = await import('../engine/docker/docker.ts');
  const swept = await cleanDockerEngine(context, store, all);
  return swept.ok || engine !== 'auto' ? swept : undefined;
}

function describe(
  folder: string,
  { kinds, total }: StoreUsage,
  removed: Pruned | undefined,
  engine: Swept | undefined,
): string {
  const rows = [...Object.entries(kinds), ['total', total] as const].map(
    ([name, { bytes, count }]) =>
      `  ${name.padEnd(8)} ${String(count).padStart(6)}  ${formatBytes(bytes).padStart(9)}`,
  );
  const lines = [`Store ${folder}`, ...rows];
  if (removed !== undefined) {
    const used = removed.inUse === 0 ? '' : `; kept ${removed.inUse} in use by another process`;
    const foreign = removed.foreign === 0 ? '' : `; kept ${removed.foreign} of another user`;
    lines.push(
      `Removed ${removed.removed.count} entries, ${formatBytes(removed.removed.bytes)}${used}${foreign}.`,
    );
  }
  if (engine !== undefined) {
    const { containers, volumes, images } = engine;
    lines.push(`Removed from the engine: containers ${containers}, volumes ${volumes}, images ${images}.`);
  }
  return `${lines.join('\n')}\n`;
}

/** Of `--older-than`, else the default; undefined where that is no number. */
export function daysOf({ 'older-than': text }: OptionValues): number | undefined {
  const days = typeof text === 'string' ? Number(text) : DEFAULT_DAYS;
  return Number.isFinite(days) && days >= 0 ? days : undefined;
}

export function badDays(text: string, command: string) {
  return {
    code: 'usage/older-than',
    what: `--older-than takes a number of days, not "${text}".`,
    fix: [`Example: \`provision ${command} --older-than 7\`.`],
  } as const;
}
