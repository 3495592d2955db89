import { err, ok, type Result } from '../../domain/result.ts';
import { entryExists } from '../../exec/files.ts';
import { runProcess } from '../../exec/process.ts';
import { cannotCopy } from '../failures.ts';
import { TOOL_ENV } from '../tool-env.ts';
import type { Tools } from './tools.ts';
import { type Layer, locate } from './view.ts';

export interface CopyContext {
  readonly tools: Tools;
  readonly signal: AbortSignal;
}

/** Copies a file or folder of the host: modes and times kept, links as links, owner the one who runs us. */
export async function copyTree(
  from: string,
  to: string,
  { tools, signal }: CopyContext,
): Promise<Result<void>> {
  const run = await runProcess({
    argv: [tools.cp, '-dR', '--preserve=mode,timestamps,links', '--no-target-directory', '--', from, to],
    env: TOOL_ENV,
    signal,
  });
  if (!run.ok) return run;
  if (run.value.status === 0) return ok(undefined);
  const lines = Buffer.from(run.value.stderr).toString('utf8').trim().split('\n');
  return err(cannotCopy(from, to, '`cp` failed.', lines.slice(-10)));
}

/**
 * Copies from a scratch or volume mount to the host. Links are followed as the sandbox sees them, and only to what the
 * same mount holds.
 */
export async function copyOut(
  layers: readonly Layer[],
  from: string,
  to: string,
  context: CopyContext,
): Promise<Result<void>> {
  const resolved = await locate(layers, from);
  if (resolved.layer.kind !== 'scratch' && resolved.layer.kind !== 'volume') {
    const why =
      resolved.path === from
        ? 'Only what lies in a scratch folder or a volume can be copied out.'
        : `A link on the way leads to ${resolved.path}, outside the scratch folders and volumes.`;
    return err(cannotCopy(from, to, why));
  }
  if (resolved.stats === undefined) return err(cannotCopy(from, to, 'It does not exist.'));
  if (await entryExists(to)) return err(cannotCopy(from, to, 'The target exists already.'));
  return copyTree(resolved.host, to, context);
}
