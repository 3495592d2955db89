import { type CacheAddress, parseCacheAddress } from '../domain/cache-address.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { Failure } from '../failure.ts';
import { type PrunedCache, pruneCache } from '../remote-store/prune.ts';
import { cacheKeys, restoreCache, saveCache } from './ci-cache.ts';
import { badDays, DAY_MS, DEFAULT_DAYS, daysOf } from './clean.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'cache',
  summary: 'keep a shared store small, and the cache of a CI service',
  positionals: [
    { name: 'action', required: true },
    { name: 'what', required: false, rest: true },
  ],
  options: {
    'older-than': {
      type: 'string',
      value: '<days>',
      help: `remove what was pushed that long ago (default: ${DEFAULT_DAYS})`,
    },
    'dry-run': { type: 'boolean', help: 'only count, remove nothing' },
  },
  examples: [
    'provision cache prune',
    'provision cache prune oci://registry.example:5000/team/cache --older-than 90 --dry-run',
    'provision cache keys aarch64',
    'provision cache restore /tmp/parts',
    'provision cache save /tmp/parts aarch64',
  ],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const [action = '', ...rest] = invocation.positionals;
  switch (action) {
    case 'prune':
      return prune(invocation, rest[0]);
    case 'restore':
      return rest[0] === undefined ? err(noFolder(action)) : restoreCache(invocation, rest[0]);
    case 'keys':
      return cacheKeys(invocation, rest[0]);
    case 'save':
      return rest[0] === undefined ? err(noFolder(action)) : saveCache(invocation, rest[0], rest[1]);
    default:
      return err(unknownAction(action));
  }
}

async function prune({ context, values }: Invocation, given: string | undefined): Promise<Result<Outcome>> {
  const days = daysOf(values);
  if (days === undefined) return err(badDays(String(values['older-than']), 'cache prune'));
  const address =
    given === undefined ? ok(context.settings.cache) : parseCacheAddress(given, 'The argument of `prune`');
  if (!address.ok) return address;
  if (address.value === undefined) return err(noAddress());
  const dryRun = values['dry-run'] === true;
  const options = { address: address.value, context, trusted: [] };
  const pruned = await pruneCache(options, { olderThanMs: days * DAY_MS, dryRun });
  if (!pruned.ok) return pruned;
  return ok({
    text: textOf(address.value, pruned.value, dryRun),
    json: { address: address.value.text, dryRun, ...pruned.value },
  });
}

function textOf({ text }: CacheAddress, { count, removed, bytes }: PrunedCache, dryRun: boolean): string {
  const done = dryRun ? 'would be removed' : 'removed';
  const later =
    removed === 0 || dryRun ? '' : ' The registry frees the space when it collects its own garbage.';
  return `${text}: ${removed} of ${count} entries ${done}, ${formatBytes(bytes)}.${later}\n`;
}

function unknownAction(action: string): Failure {
  return {
    code: 'usage/unknown-action',
    what: `There is no action "${action}" of \`provision cache\`.`,
    fix: ['Write `provision cache prune`; `keys`, `restore` and `save` are for the cache of a CI service.'],
  };
}

function noFolder(action: string): Failure {
  return {
    code: 'usage/cache',
    what: `\`provision cache ${action}\` needs the folder that the CI service keeps.`,
    fix: [`Name it: \`provision cache ${action} <folder>${action === 'save' ? ' <recipe>' : ''}\`.`],
  };
}

function noAddress(): Failure {
  return {
    code: 'usage/cache',
    what: 'No shared store is named.',
    fix: [
      'Give its address: `provision cache prune oci://host[:port]/path`, or set `PROVISION_CACHE` to it.',
    ],
  };
}
