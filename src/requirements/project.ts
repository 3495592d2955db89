import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseToml, tableAt, textAt } from '../crate/toml.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import type { PythonProject } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { digestFile } from '../store/digest.ts';
import { type CodeFile, digestCode, listCode } from './files.ts';

/** What is built of a project: all that its build sees. */
export interface ProjectSource {
  readonly digest: Digest;
  /** Of a folder; absent: the archive itself. */
  readonly files?: readonly CodeFile[];
}

export async function readProject({ path, kind, at }: PythonProject): Promise<Result<ProjectSource>> {
  if (kind === 'archive') return ok({ digest: (await digestFile(path)).digest });
  const files = await listCode(path);
  if (files.ok) return ok({ digest: await digestCode(files.value), files: files.value });
  return err({
    code: 'recipe/no-python-project',
    what: `\`${files.error.path}\` in \`${path}\` cannot be taken into its build: ${files.error.why}.`,
    fix: ['Rename or remove it.'],
    at,
  });
}

/**
 * Digest of what decides which packages a project needs: of an archive all of it, of a folder its build system and what
 * it states of dependencies, so that a lock outlives a change of its code.
 */
export async function requirementsDigest({ path, kind }: PythonProject): Promise<Digest> {
  if (kind === 'archive') return (await digestFile(path)).digest;
  const [pyproject, ...setup] = await Promise.all(
    ['pyproject.toml', 'setup.py', 'setup.cfg'].map((name) =>
      readFile(join(path, name), 'utf8').catch(unlessDeviceFailed('')),
    ),
  );
  const parsed = parseToml(pyproject as string);
  const project = parsed.ok ? tableAt(parsed.value, 'project') : {};
  const stated = parsed.ok
    ? {
        build: parsed.value['build-system'] ?? null,
        name: textAt(project, 'name') ?? null,
        python: project['requires-python'] ?? null,
        dynamic: project.dynamic ?? null,
        dependencies: project.dependencies ?? null,
        optional: project['optional-dependencies'] ?? null,
      }
    : pyproject;
  const text = JSON.stringify([stated, setup]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
