import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { TreeDefinition } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import { etcFolder } from './folders.ts';
import type { TreeFile } from './schemas.ts';

/** An empty tree. */
export const EMPTY: TreeFile = { packages: [], without: [], exclude: [], links: {}, files: {}, etc: [] };

/** Merges two trees: lists are appended, mappings overwritten. */
export function added(base: TreeFile, more: TreeFile): TreeFile {
  return {
    packages: unique(base.packages, more.packages),
    without: unique(base.without, more.without),
    exclude: unique(base.exclude, more.exclude),
    links: { ...base.links, ...more.links },
    files: { ...base.files, ...more.files },
    etc: unique(base.etc, more.etc),
  };
}

function unique(some: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...some, ...more])];
}

/** A tree with the texts of its files in `etc/`. `at` is where the document names them. */
export async function treeOf(
  home: string,
  tree: TreeFile,
  { architecture, others }: { readonly architecture: string; readonly others: readonly string[] },
  { document, at }: { readonly document: YamlDocument; readonly at: DocumentPath },
): Promise<Result<TreeDefinition>> {
  const { packages, without, exclude, links, files, etc } = tree;
  const texts: Record<string, string> = {};
  const failures: Failure[] = [];
  for (const [index, name] of etc.entries()) {
    const file = join(etcFolder(home), name);
    const text = await readFile(file, 'utf8').catch(unlessDeviceFailed(undefined));
    if (text !== undefined) texts[`etc/${name}`] = text;
    else failures.push(noFile(file, document, [...at, 'etc', index]));
  }
  const failure = combineFailures(failures);
  if (failure !== undefined) return err(failure);
  const rest = others.filter((one) => one !== architecture);
  return ok({
    architecture,
    packages,
    without,
    exclude,
    links,
    files: { ...texts, ...files },
    ...(rest.length === 0 ? {} : { others: rest }),
  });
}

export function noFile(file: string, document: YamlDocument, at: DocumentPath): Failure {
  return {
    code: 'recipe/no-file',
    what: `There is no file \`${file}\`.`,
    fix: ['Name an existing file.'],
    at: document.locate(at, 'value'),
  };
}
