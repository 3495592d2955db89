import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Target } from '../../domain/target.ts';
import type { Digest } from '../../domain/words.ts';
import type { Contents } from '../inspect.ts';

/** What a bundle can be shipped as, beside the archive that every run makes. */
export const FORMATS = ['oci', 'deb'] as const;
export type BundleFormat = (typeof FORMATS)[number];

/** A bundle, unpacked, and what its packages say of it. */
export interface FormatInput {
  /** Folder with `bin/` and `lib/`. */
  readonly bundle: string;
  readonly contents: Contents;
  readonly target: Target;
  /** The target's run-time tree, and what it is made of. */
  readonly rootfs: string;
  readonly packages: readonly LockedPackage[];
  /** Name of the program. */
  readonly name: string;
  /** Of the crate. */
  readonly version: string;
  /** One sentence. */
  readonly description: string;
  /** Seconds since the epoch, of every file in it. */
  readonly sourceDateEpoch: number;
}

/** A package file, written into a folder. */
export interface Formatted {
  readonly [key: string]: string | number;
  readonly file: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The formats that a person names. */
export function readFormats(words: readonly string[], target: Target): Result<readonly BundleFormat[]> {
  const wanted: BundleFormat[] = [];
  for (const word of words.flatMap((text) => text.split(','))) {
    // The archive is made in any case.
    if (word === 'tar.gz') continue;
    const format = FORMATS.find((one) => one === word);
    if (format === undefined) {
      return err({
        code: 'usage/format',
        what: `There is no format "${word}".`,
        fix: [`Choose from \`tar.gz\` (always made), ${FORMATS.map((one) => `\`${one}\``).join(', ')}.`],
      });
    }
    if (target.elf === undefined) {
      return err({
        code: 'usage/format',
        what: `A program for ${target.rustTriple} is not shipped as \`${format}\`.`,
        why: 'It is a module that an engine runs: neither a kernel nor a container engine starts it.',
        fix: ['Ship the `.tar.gz`: its script `run` starts the module in any wasmtime.'],
      });
    }
    if (!wanted.includes(format)) wanted.push(format);
  }
  return ok(wanted);
}
