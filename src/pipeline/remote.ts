import { isCaseless } from '../archive/stored-names.ts';
import type { CacheAddress } from '../domain/cache-address.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { readTool } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { noKeys } from '../remote-store/notices.ts';
import { RegistryStore } from '../remote-store/remote-store.ts';
import { readKeys, signingKey } from './keys.ts';

/**
 * The store that is shared with other machines: that of the settings, else the recipe's; undefined: there is none, or no
 * network is to be used. Failures: `usage/push-cache`, `usage/sign-key`, `usage/key`.
 */
export async function openRemote(
  context: Context,
  ofRecipe: CacheAddress | undefined,
): Promise<Result<RegistryStore | undefined>> {
  const { settings } = context;
  const { cache: address = ofRecipe, pushCache = false } = settings;
  if (pushCache && address === undefined) return err(nowhere());
  if (pushCache && settings.offline) return err(offline());
  if (address === undefined || settings.offline) return ok(undefined);
  // What is stored there under another name than it has is no entry for other machines.
  if (isCaseless(settings.store)) {
    context.emit(caseless(settings.store));
    return ok(undefined);
  }
  const keys = await readKeys(settings.trustedKeys ?? []);
  if (!keys.ok) return keys;
  const own = await signingKey(context);
  if (!own.ok) return own;
  if (pushCache && own.value === undefined) return err(unsigned());
  // Who signs trusts the own signature.
  const trusted = [...keys.value, ...(own.value === undefined ? [] : [own.value])];
  if (trusted.length === 0) context.emit(noKeys(address));
  const push = pushCache ? own.value : undefined;
  const { version } = readTool(settings.home);
  return ok(new RegistryStore({ address, context, trusted, version, ...defined({ push }) }));
}

function caseless(store: string) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'cache/caseless',
    message:
      `The shared store is not used: the file system of ${store} takes names that differ by case alone for one. ` +
      'Put the store on one that does not, with `--store <folder>`.',
  } as const;
}

function nowhere(): Failure {
  return {
    code: 'usage/push-cache',
    what: 'With `--push-cache` a shared store must be named.',
    fix: ['Set `PROVISION_CACHE=oci://host[:port]/path`, or write `cache: oci://…` into the recipe.'],
  };
}

function offline(): Failure {
  return {
    code: 'usage/push-cache',
    what: '`--push-cache` needs the network, and `--offline` forbids it.',
    fix: ['Leave out one of the two.'],
  };
}

function unsigned(): Failure {
  return {
    code: 'usage/push-cache',
    what: '`--push-cache` needs a key: what is not signed is used by nobody.',
    fix: [
      'Make one: `openssl genpkey -algorithm ed25519 -out sign.pem`, and set `PROVISION_SIGN_KEY=sign.pem`.',
      'The other machines name its public half in `PROVISION_TRUSTED_KEYS`: `openssl pkey -in sign.pem -pubout -out cache.pub`.',
    ],
  };
}
