import type { Resolved } from '../../domain/definitions.ts';
import type { Digest } from '../../domain/ids.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Target } from '../../domain/target.ts';
import { CAPABILITIES } from '../../runtime/capabilities.ts';
import type { Contents } from '../inspect.ts';

/** The package formats of a bundle, beside the archive that every run makes. */
export const FORMATS = ['oci', 'deb', 'onefile'] as const;
export type BundleFormat = (typeof FORMATS)[number];

/** An unpacked bundle and the metadata of its packages. */
export interface FormatInput {
  /** Folder with `bin/` and `lib/`. */
  readonly bundle: string;
  readonly contents: Contents;
  readonly target: Target;
  /** The target's run-time tree and the packages in it. */
  readonly rootfs: string;
  readonly packages: readonly LockedPackage[];
  /** Name of the program. */
  readonly name: string;
  /** Of the crate. */
  readonly version: string;
  /** One sentence. */
  readonly description: string;
  /** Modification time of every file, in seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

/** A written package file. */
export interface Formatted {
  readonly [key: string]: string | number;
  readonly file: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The formats given on the command line. */
export function readFormats(
  values: readonly string[],
  { target, sysroot: { python } }: Pick<Resolved, 'target' | 'sysroot'>,
): Result<readonly BundleFormat[]> {
  const formats: BundleFormat[] = [];
  for (const name of values.flatMap((text) => text.split(','))) {
    // The archive is made in any case.
    if (name === 'tar.gz') continue;
    const format = FORMATS.find((one) => one === name);
    if (format === undefined) {
      return err({
        code: 'usage/format',
        what: `There is no format "${name}".`,
        fix: [`Choose from \`tar.gz\` (always made), ${FORMATS.map((one) => `\`${one}\``).join(', ')}.`],
      });
    }
    const why = CAPABILITIES[target.runtime].impossible[format];
    if (why !== undefined) {
      return err({
        code: 'usage/format',
        what: `A program for ${target.rustTriple} cannot be packaged as \`${format}\`.`,
        why,
        fix: ['Ship the `.tar.gz`: its script `run` starts the module in any wasmtime.'],
      });
    }
    if (format === 'onefile' && python.implementation !== 'CPython')
      return err({
        code: 'usage/format',
        what: `A program with ${python.implementation} inside cannot be packaged as \`onefile\`.`,
        why: 'It has its standard library inside already; what the bundle has beside it are libraries of the system.',
        fix: ['Ship the `.tar.gz`: the program in its `bin/` reads no other file of it.'],
      });
    if (!formats.includes(format)) formats.push(format);
  }
  return ok(formats);
}
