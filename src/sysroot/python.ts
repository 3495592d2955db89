import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SysrootDefinition } from '../domain/definitions.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { libraryFolder, type PythonDistribution, type StaticLink } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { type BuildVariables, parseSysconfigdata } from './sysconfigdata.ts';

/**
 * The Python of a program: what its sysroot says of the CPython in it; of another implementation, which is a crate and in no tree,
 * what is known without one.
 */
export async function describePython(
  root: string,
  definition: SysrootDefinition,
  target: Target,
): Promise<Result<PythonDistribution>> {
  return definition.python.implementation === 'CPython'
    ? describeCPython(root, definition, target)
    : ok(describeCrate(definition, target));
}

function describeCrate({ python }: SysrootDefinition, target: Target): PythonDistribution {
  const { implementation, release = python.version, version, abiflags } = python;
  return {
    implementation,
    libraryInside: true,
    version: release,
    minor: version,
    abiflags,
    linkage: 'static',
    libName: implementation.toLowerCase(),
    libDir: `usr/lib/${target.multiarch}`,
    stdlib: `usr/lib/${libraryFolder(python)}`,
    sysconfigdata: '',
    soabi: '',
    pointerWidth: target.pointerWidth,
    buildFlags: [],
    why: `a crate of that name, which Cargo.lock has; it implements Python ${version} and has its standard library inside`,
  };
}

/**
 * Describes the CPython in a sysroot tree from its own files: `_sysconfigdata_*.py` and `patchlevel.h`.
 * Fails when there is none, more than one, or one that is not the target's.
 */
async function describeCPython(
  root: string,
  definition: SysrootDefinition,
  target: Target,
): Promise<Result<PythonDistribution>> {
  const stdlib = `usr/lib/${libraryFolder(definition.python)}`;
  const found = await findSysconfigdata(root, stdlib);
  if (!found.ok) return found;
  const file = `${stdlib}/${found.value}`;
  const variables = parseSysconfigdata(await readFile(join(root, file), 'utf8'), file);
  if (!variables.ok) return variables;
  const python = await distribution(root, stdlib, file, variables.value, definition);
  if (!python.ok) return python;
  const mismatch = findMismatch(python.value, variables.value, definition, target);
  return mismatch === undefined ? python : err(mismatch);
}

async function findSysconfigdata(root: string, stdlib: string): Promise<Result<string>> {
  const entries = (await readdir(join(root, stdlib), { withFileTypes: true }).catch(absentAsUndefined)) ?? [];
  // Debian gives its file a second name, by a link.
  const candidates = entries
    .filter((entry) => entry.isFile() && /^_sysconfigdata_.*\.py$/.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return ok(only);
  return err({
    code: only === undefined ? 'build/no-sysconfigdata' : 'build/several-pythons',
    what:
      only === undefined
        ? `The sysroot has no _sysconfigdata_*.py in ${stdlib}.`
        : `The sysroot has ${candidates.length} CPython builds in ${stdlib}: ${candidates.join(', ')}.`,
    fix: [
      'Check `sysroot.packages` in the sysroot definition: one libpython development package, of one architecture.',
    ],
  });
}

async function distribution(
  root: string,
  stdlib: string,
  file: string,
  variables: BuildVariables,
  definition: SysrootDefinition,
): Promise<Result<PythonDistribution>> {
  const text = (name: string): string => String(variables[name] ?? '');
  const minor = text('VERSION');
  // Where a CPython that was built from source has its standard library compiled.
  const bytecode = `usr/share/${libraryFolder(definition.python)}-bytecode`;
  const libName = `python${text('LDVERSION') || minor}`;
  const shared = variables.Py_ENABLE_SHARED === 1;
  const header = join(root, `usr/include/python${minor}${text('ABIFLAGS')}/patchlevel.h`);
  const version = /#define\s+PY_VERSION\s+"([^"]+)"/.exec(
    (await readFile(header, 'utf8').catch(absentAsUndefined)) ?? '',
  )?.[1];
  const libDir = text('LIBDIR').replace(/^\/+/, '');
  const wanted = shared ? `lib${libName}.so` : `lib${libName}.a`;
  const library = await firstThatExists(root, [
    `${libDir}/${text('MULTIARCH')}/${wanted}`,
    `${libDir}/${wanted}`,
  ]);
  if (version === undefined || library === undefined) {
    return err({
      code: 'build/no-libpython',
      what:
        version === undefined
          ? `The sysroot has no patchlevel.h for CPython ${minor}.`
          : `The sysroot has no ${wanted}.`,
      fix: [
        'Check `sysroot.packages` in the sysroot definition: the libpython development package is needed.',
      ],
    });
  }
  return ok({
    implementation: 'CPython',
    version,
    minor,
    abiflags: text('ABIFLAGS'),
    linkage: shared ? 'dynamic' : 'static',
    libName,
    libDir: library.slice(0, library.lastIndexOf('/')),
    stdlib,
    sysconfigdata: file,
    soabi: text('SOABI'),
    pointerWidth: variables.SIZEOF_VOID_P === 4 ? 32 : 64,
    buildFlags: ['Py_DEBUG', 'Py_REF_DEBUG', 'Py_TRACE_REFS', 'Py_GIL_DISABLED', 'COUNT_ALLOCS'].filter(
      (flag) => variables[flag] === 1,
    ),
    ...(shared ? {} : { link: staticLink(libName, library, variables, definition) }),
    ...((await exists(join(root, bytecode))) ? { bytecode } : {}),
    why: `${library}, from ${file} of the locked sysroot; the interpreter of the host is not used`,
  });
}

/**
 * What a program is linked with: libpython, then the libraries that its modules and itself were configured with
 * (`MODLIBS`, `LIBS`, `SYSLIBS`). Archives named by path are inside libpython.
 */
function staticLink(
  libName: string,
  library: string,
  variables: BuildVariables,
  definition: SysrootDefinition,
): StaticLink {
  const rules = definition.link;
  const words = ['MODLIBS', 'LIBS', 'SYSLIBS'].flatMap((name) => String(variables[name] ?? '').split(/\s+/));
  const configured = words.flatMap((word) => /^-l(.+)$/.exec(word)?.slice(1) ?? []);
  const names = new Set([...configured, ...rules.static]);
  const libDir = library.slice(0, library.lastIndexOf('/'));
  const multiarch = `usr/lib/${String(variables.MULTIARCH ?? '')}`;
  return {
    libraries: [libName, ...names].map((name) => ({
      name,
      linkage: rules.dynamic.includes(name) ? 'dynamic' : 'static',
    })),
    folders: [...new Set([libDir, multiarch])],
    whole: rules.wholePython,
  };
}

async function firstThatExists(root: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await exists(join(root, path))) return path;
  }
  return undefined;
}

function findMismatch(
  python: PythonDistribution,
  variables: BuildVariables,
  definition: SysrootDefinition,
  target: Target,
): Failure | undefined {
  const multiarch = String(variables.MULTIARCH ?? '');
  const problems = [
    python.minor === definition.python.version
      ? ''
      : `it is CPython ${python.minor}, ${definition.python.version} was asked for`,
    python.abiflags === definition.python.abiflags
      ? ''
      : `its ABI flags are \`${python.abiflags}\`, \`${definition.python.abiflags}\` were asked for`,
    multiarch === target.multiarch ? '' : `it was built for ${multiarch}, the target is ${target.multiarch}`,
    python.pointerWidth === target.pointerWidth
      ? ''
      : `its pointers have ${python.pointerWidth} bits, the target's ${target.pointerWidth}`,
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return undefined;
  return {
    code: 'build/wrong-python',
    what: `The CPython in the sysroot ${definition.name} does not fit: ${problems.join('; ')}.`,
    fix: [
      'Correct the packages in the definition of the sysroot or of its Python, then run `provision lock`.',
    ],
  };
}
