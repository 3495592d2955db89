import { join } from 'node:path';
import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { ProgramInput } from './runtime.ts';

/** The unpacked bundle, or the one file, at the prefix that the reference interpreter has, too. */
export function bundleMount({ unpacked, onefile }: Pick<ProgramInput, 'unpacked' | 'onefile'>): Mount {
  if (onefile !== undefined) return { kind: 'tree', source: onefile.folder, at: PATHS.interpreter };
  return { kind: 'tree', source: join(unpacked.folder, unpacked.top), at: PATHS.interpreter };
}

/** Where a sandbox sees a program of the bundle. */
export function programAt(program: string): string {
  return `${PATHS.interpreter}/bin/${program}`;
}

/** Where a sandbox sees what is to be started. */
export function startedAt({ program, onefile }: Pick<ProgramInput, 'program' | 'onefile'>): string {
  return onefile === undefined ? programAt(program) : `${PATHS.interpreter}/${onefile.file}`;
}

/** An environment as `NAME=value`. */
export function assignments(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
