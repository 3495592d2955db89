import { join } from 'node:path';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { isExecutable } from '../../exec/files.ts';
import type { Failure } from '../../failure.ts';
import { TOOL_FOLDERS } from '../tool-env.ts';

/** Host program → the package that brings it, as the large distributions name it. */
const PACKAGES = {
  sh: 'dash',
  cp: 'coreutils',
  env: 'coreutils',
  mkfifo: 'coreutils',
  mount: 'mount (or util-linux)',
  nsenter: 'util-linux',
  pivot_root: 'util-linux',
  prlimit: 'util-linux',
  setpriv: 'util-linux',
  setsid: 'util-linux',
  unshare: 'util-linux',
} as const;

type ToolName = keyof typeof PACKAGES;

/** Absolute paths of the host programs that a sandbox is made with. */
export interface Tools extends Readonly<Record<ToolName, string>> {
  /** Needed only for a sandbox with a host name of its own. */
  readonly hostname?: string;
  /** Brings a loopback up where `/sys` cannot. */
  readonly ip?: string;
}

export async function findTools(): Promise<Result<Tools>> {
  const names = Object.keys(PACKAGES) as ToolName[];
  const found = await Promise.all(names.map(async (name) => [name, await findTool(name)] as const));
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) return err(missingTools(missing));
  const [hostname, ip] = await Promise.all([findTool('hostname'), findTool('ip')]);
  return ok({
    ...(Object.fromEntries(found) as Record<ToolName, string>),
    ...defined({ hostname, ip }),
  });
}

async function findTool(name: string): Promise<string | undefined> {
  for (const folder of TOOL_FOLDERS) {
    const path = join(folder, name);
    if (await isExecutable(path)) {
      return path;
    }
  }
  return undefined;
}

function missingTools(names: readonly ToolName[]): Failure {
  const packages = [...new Set(names.map((name) => PACKAGES[name]))];
  return {
    code: 'engine/missing-tool',
    what: `The engine "namespace" needs ${names.map((name) => `\`${name}\``).join(', ')}, not found in ${TOOL_FOLDERS.join(', ')}.`,
    fix: [`Install ${packages.join(', ')}.`],
  };
}
