import { createHash, randomBytes } from 'node:crypto';
import type { Digest } from '../../src/domain/ids.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';

/** A package of random bytes and the lock entry that fits it. */
export function lockedPackage(
  name: string,
  size = 1000,
): { readonly locked: LockedPackage; readonly bytes: Buffer } {
  const bytes = randomBytes(size);
  const path = `pool/main/${name[0]}/${name}/${name}_1.0+b1~2_all.deb`;
  return {
    bytes,
    locked: { name, version: '1.0+b1~2', architecture: 'all', path, digest: digestOf(bytes), size },
  };
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
