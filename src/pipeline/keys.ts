import { readFile } from 'node:fs/promises';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { countsUntil, hasExpired, type Key, readPrivateKey, readPublicKey } from '../provenance/envelope.ts';

/** The key of `PROVISION_SIGN_KEY`: a file, or the key itself. Fails with `usage/sign-key`; undefined where there is none. */
export async function signingKey({ settings }: Pick<Context, 'settings'>): Promise<Result<Key | undefined>> {
  const { signKey } = settings;
  if (signKey === undefined) return ok(undefined);
  const pem = signKey.includes('-----BEGIN') ? signKey : await readFile(signKey, 'utf8').catch(() => '');
  const key = readPrivateKey(pem);
  if (key !== undefined) return hasExpired(key) ? err(expired(key)) : ok(key);
  return err({
    code: 'usage/sign-key',
    what: 'PROVISION_SIGN_KEY names no private ed25519 key.',
    why: pem === '' ? 'The file cannot be read.' : 'It is no such key in PEM (PKCS #8).',
    fix: ['Make one: `openssl genpkey -algorithm ed25519 -out sign.pem`', 'Unset it to sign nothing.'],
  });
}

function expired({ expires = 0 }: Key): Failure {
  return {
    code: 'usage/sign-key',
    what: 'The key of PROVISION_SIGN_KEY has expired.',
    why: `It counts ${countsUntil(expires)}: nobody who knows that would trust the signature.`,
    fix: [
      'Make another one: `openssl genpkey -algorithm ed25519 -out sign.pem`',
      'Unset it to sign nothing.',
    ],
  };
}

/** Public keys, from their files. Fails with `usage/key`. */
export async function readKeys(files: readonly string[]): Promise<Result<readonly Key[]>> {
  const keys: Key[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const read = text === undefined ? undefined : readPublicKey(text);
    if (read === undefined) return err(notKey(file, text === undefined));
    keys.push(read);
  }
  return ok(keys);
}

function notKey(file: string, missing: boolean): Failure {
  return {
    code: 'usage/key',
    what: `${file} is no public ed25519 key.`,
    why: missing ? 'It cannot be read.' : 'It is no such key in PEM.',
    fix: ['Of a private key it is `openssl pkey -in sign.pem -pubout -out release.pub`.'],
  };
}
