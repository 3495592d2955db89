import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { type Failure, interrupted } from '../failure.ts';
import { openStore } from '../store/open.ts';
import { type Verified, verifyStore } from '../store/verify.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'store',
  summary: 'read everything in the store and compare it with its digests',
  positionals: [{ name: 'action', required: true }],
  options: {
    repair: { type: 'boolean', help: 'remove what is damaged: it is made or fetched anew when it is needed' },
  },
  examples: ['provision store verify', 'provision store verify --repair'],
  renders: false,
  run,
};

async function run({ context, positionals, values }: Invocation): Promise<Result<Outcome>> {
  const [action = ''] = positionals;
  if (action !== 'verify') return err(unknownAction(action));
  const repair = values.repair === true;
  const verified = await verify(context, repair);
  if (!verified.ok) return verified;
  const { damaged } = verified.value;
  if (damaged.length > 0 && !repair) return err(found(context.settings.store, verified.value));
  return ok({
    text: describe(context.settings.store, verified.value),
    json: { store: context.settings.store, repaired: repair, ...verified.value },
  });
}

async function verify(context: Context, repair: boolean): Promise<Result<Verified>> {
  const store = await openStore(context.settings.store);
  if (!store.ok) return store;
  const verified = await verifyStore(store.value, { repair, signal: context.signal });
  if (context.signal.aborted) return err(interrupted());
  await store.value.settled();
  return verified;
}

function describe(folder: string, { count, bytes, unfinished, damaged }: Verified): string {
  const lines = [`Store ${folder}: ${count} entries, ${formatBytes(bytes)} read.`];
  if (unfinished > 0) lines.push(`${unfinished} of them are in the making and were left alone.`);
  lines.push(damaged.length === 0 ? 'None is damaged.' : `${damaged.length} damaged, and removed:`);
  return `${[...lines, ...damaged.map(({ path }) => `  ${path}`)].join('\n')}\n`;
}

function found(folder: string, { count, damaged }: Verified): Failure {
  const paths = damaged.flatMap(({ path, damage }) => [
    path,
    ...damage.slice(0, 3).map(({ path: file, what }) => `  ${file} ${what}`),
  ]);
  return {
    code: 'store/damaged',
    what: `${damaged.length} of ${count} entries of the store ${folder} are damaged.`,
    why: 'Their bytes are not those that were written: the disk, another program or a cache that was cut off changed them.',
    fix: ['`provision store verify --repair` removes them; what is needed of them is made or fetched anew.'],
    evidence: paths.length > 20 ? [...paths.slice(0, 20), `… ${paths.length - 20} more lines`] : paths,
  };
}

function unknownAction(action: string): Failure {
  return {
    code: 'usage/unknown-action',
    what: `There is no action "${action}" of \`provision store\`.`,
    fix: ['Write `provision store verify`.'],
  };
}
