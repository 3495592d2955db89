import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { writePage } from '../report/page/write.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'report',
  summary: 'write report.html from the artifacts of earlier runs',
  positionals: [{ name: 'folder', required: false, completes: 'file' }],
  options: {},
  examples: ['provision report', 'provision report artifacts/aarch64'],
  renders: false,
  run,
};

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const { cwd } = context.settings;
  const folder = resolve(cwd, positionals[0] ?? 'artifacts');
  const there = await stat(folder).catch(unlessDeviceFailed(undefined));
  if (there?.isDirectory() !== true) return err(noArtifacts(folder));
  const written = await writePage(folder);
  if (!written.ok) return written;
  const { file, recipes, unreadable, size } = written.value;
  const below = relative(cwd, file);
  const shown = below.startsWith('..') ? file : below;
  const lines = [
    `${shown}: ${recipes.length} ${recipes.length === 1 ? 'recipe' : 'recipes'}, ${formatBytes(size)}`,
    ...unreadable.map((one) => `skipped: ${join(folder, one.file)}: ${one.why}`),
  ];
  return ok({ text: `${lines.join('\n')}\n`, json: { ...written.value, file: shown } });
}

function noArtifacts(folder: string) {
  return {
    code: 'usage/no-artifacts',
    what: `There is no folder ${folder}.`,
    fix: ['Run a recipe first, such as `provision native`, or give the folder that contains the artifacts.'],
  } as const;
}
