import { join } from 'node:path';
import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { ProgramInput } from './runtime.ts';

/** The unpacked bundle, at the prefix that the reference interpreter has, too. */
export function bundleMount({ unpacked }: Pick<ProgramInput, 'unpacked'>): Mount {
  return { kind: 'tree', source: join(unpacked.folder, unpacked.top), at: PATHS.interpreter };
}

/** Where a sandbox sees a program of the bundle. */
export function programAt(program: string): string {
  return `${PATHS.interpreter}/bin/${program}`;
}

/** An environment as `NAME=value`. */
export function assignments(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
