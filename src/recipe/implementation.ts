import type { Recipe, SysrootDefinition } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { SYSTEM_DATA } from '../domain/system-data.ts';
import type { Failure } from '../failure.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import type { Loaded } from './load.ts';
import type { PythonDefinition } from './pythons.ts';
import { unknown } from './unknown-name.ts';

/** The CPython whose packaged interpreter is the reference of a Python. */
export function comparedWith(
  pythons: readonly Loaded<PythonDefinition>[],
  { value: { reference, name }, document }: Loaded<PythonDefinition>,
): Result<PythonDefinition> {
  const found = pythons.find(({ value }) => value.name === reference && value.reference === reference);
  if (found !== undefined) return ok(found.value);
  const others = pythons.map(({ value }) => value.name).filter((one) => one !== name);
  return err(unknown('python', reference, others, document, ['reference']));
}

/** What a bundle would bring beside a standard library, where that is inside of the program and looks there for nothing. */
export function besideLibrary(
  recipe: Recipe,
  document: YamlDocument,
  { python: { implementation } }: SysrootDefinition,
): readonly Failure[] {
  if (implementation === 'CPython') return [];
  const paths: readonly DocumentPath[] = [
    ...(recipe.pythonPackages === undefined ? [] : [['python', 'packages']]),
    ...(recipe.pythonPaths === undefined ? [] : [['python', 'paths']]),
    ...SYSTEM_DATA.filter((data) => recipe.brings?.includes(data) === true).map((data) => [data]),
  ];
  return paths.map((path) => ({
    code: 'recipe/library-inside',
    what: `\`${path.join('.')}\` has no meaning for ${implementation}.`,
    why: 'Its standard library is inside of the program, and nothing that a bundle has beside a library is looked for.',
    fix: [`Remove \`${path.join('.')}\`, or embed CPython.`],
    at: document.locate(path, 'key'),
  }));
}
