import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertSection } from './docs/generated.ts';
import { importsTable, MODULES, modulesTable, stagesTable, TOP_FILES } from './docs/rooms.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const SRC = join(HOME, 'src');

/** Rooms that a stage may call; stages among themselves share types only. */
const SHARED = [
  'domain',
  'charts',
  'advise',
  'crate',
  'store',
  'exec',
  'engine',
  'archive',
  'distro',
  'runtime',
  'requirements',
  'sbom',
  'provenance',
  'remote-store',
];

/** The way of the data: a room imports types of earlier ones, nothing of later ones. */
const STAGES = [
  'recipe',
  'plan',
  'lock',
  'fetch',
  'toolchain',
  'sysroot',
  'env',
  'build',
  'bundle',
  'snapshot',
  'run',
  'diagnose',
  'report',
];

/** What a shared room may itself call. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  charts: ['domain'],
  advise: ['domain'],
  crate: ['domain', 'exec'],
  init: ['domain', 'exec'],
  exec: ['domain'],
  store: ['domain', 'exec'],
  archive: ['domain', 'exec', 'store'],
  distro: ['domain', 'exec', 'store', 'archive'],
  engine: ['domain', 'exec', 'store', 'archive'],
  runtime: ['domain', 'exec', 'store', 'engine'],
  requirements: ['domain', 'crate', 'exec', 'store'],
  sbom: ['domain', 'distro', 'runtime'],
  provenance: ['domain'],
  'remote-store': ['domain', 'store', 'engine', 'provenance'],
};

/** Where a runtime or the C library of WASI may be asked for by name: its adapters, and the validation of recipes. */
const ADAPTERS = ['runtime/', 'recipe/'];

/** Rooms on top of the stages: they put them together. A probe takes the pipeline's stages one at a time. */
const ABOVE = ['pipeline', 'diagnose/probe', 'bench', 'commands', 'program'];

/** Folders inside a room that are rooms of their own. */
const INNER = ['diagnose/probe'];

/** Files at the top of `src/`, and what each may import; types of anything that is no room above. */
const TOP: Readonly<Record<string, readonly string[]>> = {
  'bin.ts': ['cli.ts', 'program'],
  'cli.ts': ['settings.ts', 'failure.ts', 'domain', 'exec', 'commands', 'report'],
  'settings.ts': ['failure.ts', 'domain', 'diagnose', 'distro'],
  'events.ts': ['failure.ts', 'domain'],
  'failure.ts': [],
};

/** Every outside library has one room. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  yaml: ['recipe', 'diagnose'],
  zod: ['recipe', 'diagnose'],
  undici: ['fetch'],
  // Packing for an image is the engine's own.
  tar: ['archive', 'engine'],
  execa: ['exec'],
  dockerode: ['engine'],
  echarts: ['charts'],
  listr2: ['report'],
  diff: ['run'],
  'smol-toml': ['crate'],
  'spdx-expression-parse': ['sbom'],
  rolldown: ['program'],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

test('imports follow the way of the data', () => {
  const wrong = imports()
    .filter(({ to }) => to.startsWith('.'))
    .filter((one) => !allowed(one, targetOf(resolve(dirname(join(SRC, one.file)), one.to))))
    .map(({ file, to }) => `${file} → ${to}`);
  assert.deepEqual(wrong, []);
});

test('an engine imports nothing of another: what they share is in engine/ itself', () => {
  const engines = imports().filter(({ room, to }) => room === 'engine' && to.startsWith('.'));
  assert.deepEqual(
    [...new Set(engines.map(({ file }) => engineOf(file)))].filter((name) => name !== undefined).sort(),
    ['docker', 'namespace'],
  );
  const wrong = engines
    .filter(({ file, to }) => {
      const target = engineOf(relative(SRC, resolve(dirname(join(SRC, file)), to)));
      return engineOf(file) !== undefined && target !== undefined && target !== engineOf(file);
    })
    .map(({ file, to }) => `${file} → ${to}`);
  assert.deepEqual(wrong, []);
});

test('every outside library is used in its own room', () => {
  const wrong = imports()
    .filter(({ to }) => !to.startsWith('.') && !to.startsWith('node:'))
    .filter(({ room, to, typeOnly }) => {
      const library = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] as string);
      return !(LIBRARIES[library]?.includes(room) ?? false) && !typeOnly;
    })
    .map(({ file, to }) => `${file} → ${to}`);
  assert.deepEqual(wrong, []);
});

test('environment, arguments, signals and exit code are read in cli.ts only', () => {
  const wrong = sources()
    // bin.ts refuses a Node that could not even read cli.ts.
    .filter((file) => !['bin.ts', 'cli.ts'].includes(file))
    .filter((file) => /process\.(env|argv|exit|exitCode|on)\b/.test(code(file)));
  assert.deepEqual(wrong, []);
});

test('temporary folders are made by the store alone', () => {
  const wrong = sources()
    // The one makes them; the other names the function that does.
    .filter((file) => ![join('store', 'temporary.ts'), join('exec', 'observe-files.ts')].includes(file))
    .filter((file) => /\bmkdtemp(?:Sync|Disposable)?\b|\btmpdir\b/.test(code(file)))
    // It looks whether there is one, and makes nothing.
    .filter((file) => file !== 'bin.ts');
  assert.deepEqual(wrong, []);
});

test('nothing is filled in from outside while a run goes on: no stage assigns to a parameter', () => {
  const wrong = sources()
    .filter((file) => /^(?:pipeline|diagnose|commands)\//.test(file))
    .flatMap((file) => assignments(code(file)).map((line) => `${file}: ${line}`));
  assert.deepEqual(wrong, []);
});

test('an assignment to a property of a parameter is found', () => {
  assert.deepEqual(assignments('  progress.built = built;\n  session.recorder.book ??= open();\n'), [
    'progress.built = built;',
    'session.recorder.book ??= open();',
  ]);
  assert.deepEqual(assignments('  session.wishes.locks.set(folder, lock);\n'), [
    'session.wishes.locks.set(folder, lock);',
  ]);
  assert.deepEqual(
    assignments(
      '  this.#latest = known;\n  if (a.b === c) return;\n  const x = a.b;\n  const found = new Map();\n  found.set(1, 2);\n  const locks: Partial<X> = {};\n  locks[key] = value;\n',
    ),
    [],
  );
});

test('triples and architecture names stand in data, not in code', () => {
  const names = /\b(aarch64|arm64|armhf|armv7|riscv64|s390x|ppc64|powerpc64|x86_64|x86-64|amd64|wasm32)/;
  // Commands that help texts show name recipes.
  const shown = /(['`])(?:Start with: )?provision [^'`]*\1/g;
  const wrong = sources()
    .filter((file) => file !== join('bench', 'default-recipe.ts'))
    // Instructions are code, each machine has its own.
    .filter((file) => file !== join('engine', 'instructions.ts'))
    // Other kernels name machines otherwise.
    .filter((file) => file !== join('exec', 'machine.ts'))
    .filter((file) => names.test(code(file).replace(shown, '')));
  assert.deepEqual(wrong, []);
});

test('runtimes and the C library of WASI are distinguished in their adapters only', () => {
  const compared = /(?:[!=]==?\s*|\bcase\s+)'(?:wasi|native|qemu-user|wasmtime|node-wasi|reference)'/;
  const probed = /\bstartsWith\('qemu-|\brecipe\.wasm\s*[!=]==?\s*undefined/;
  const wrong = sources()
    .filter((file) => !ADAPTERS.some((path) => file.startsWith(path)))
    .filter((file) => compared.test(code(file)) || probed.test(code(file)));
  assert.deepEqual(wrong, []);
});

const NAMING_TYPES = ['sbom/cyclonedx.ts', 'sbom/openvex.ts', 'provenance/statement.ts'].map((file) =>
  join(...file.split('/')),
);

test('no registry or mirror address stands in the tree', () => {
  const wrong = sources()
    // The names of schemas and types are addresses; nothing is read from there.
    .filter((file) => !NAMING_TYPES.includes(file))
    .filter((file) => /https?:\/\/[a-z0-9-]+\.[a-z]/.test(code(file)));
  assert.deepEqual(wrong, []);
});

test('the implementation of the distribution is imported in one place', () => {
  const known = [
    'distro/distribution.ts',
    // A package is written as Debian's rules for names have it, wherever the toolchain comes from.
    'bundle/formats/deb.ts',
  ];
  const wrong = imports()
    .filter(({ file, to }) => to.startsWith('.') && isDebian(join(dirname(file), to)) && !isDebian(file))
    .filter(({ file }) => !known.includes(file))
    .map(({ file, to }) => `${file} → ${to}`);
  assert.deepEqual(wrong, []);
});

/** Code outside of `distro/` that may name Debian or its tools, and why: rooms and files. */
const KNOWS_DEBIAN: Readonly<Record<string, string>> = {
  'bench/':
    'the baseline of a benchmark is what one does on Debian without this tool; builds are named after it',
  'bundle/formats/deb.ts': 'a format to ship: it writes packages for Debian',
  'domain/target.ts': 'a field of the data: the architecture as Debian names it',
  'engine/docker/failures.ts': 'how to install an engine, for users of several systems',
  'recipe/images.ts': 'advises to write that field',
  'recipe/schemas/': 'describes to users what they write: suites, architectures and packages of Debian',
  'recipe/targets.ts': 'reads that field',
  'recipe/template.ts': 'the placeholder that stands for that field',
};

test('only the distribution room knows Debian, apt and .deb', () => {
  const names = /debian|\bapt\b|\bdpkg|debootstrap|\.deb\b|snapshot archive|dist-packages/i;
  const found = sources().filter((file) => !file.startsWith('distro/') && names.test(code(file)));
  const excused = (file: string): string | undefined =>
    Object.keys(KNOWS_DEBIAN).find((start) => file.startsWith(start));
  assert.deepEqual(
    found.filter((file) => excused(file) === undefined),
    [],
  );
  const needed = new Set(found.map(excused));
  const idle = Object.keys(KNOWS_DEBIAN).filter((start) => !needed.has(start));
  assert.deepEqual(idle, [], 'an exception that nothing needs any more');
});

function isDebian(file: string): boolean {
  return file.startsWith(join('distro', 'debian'));
}

test('what every room needs is written once', () => {
  const once: Readonly<Record<string, readonly [file: string, pattern: RegExp]>> = {
    'quoting for a shell': ['domain/shell.ts', /'\\{1,2}''/],
    'whether a file is there': [
      'exec/files.ts',
      /\b(?:stat|lstat|access)\([^;]*?\)\s*\.then\(\s*\(\) => true/,
    ],
    "a folder below the system's temporary folder": ['exec/files.ts', /mkdtemp\(\s*join\(tmpdir\(\)/],
    'the version of this program': ['exec/files.ts', /JSON\.parse\([^;]*package\.json/],
    'a tree of the store': [
      'domain/stored-tree.ts',
      /\binterface \w+ \{\s*readonly folder: string;\s*readonly fingerprint: string;\s*\}/,
    ],
    'an optional field': ['domain/defined.ts', /\.\.\.\((\w+) === undefined \? \{\} : \{ \1 \}\)/],
  };
  for (const [what, [home, pattern]] of Object.entries(once)) {
    // What is started prints the version without loading anything.
    const places = sources().filter((file) => file !== 'bin.ts' && pattern.test(code(file)));
    assert.deepEqual(
      places.filter((file) => file !== home),
      [],
      `${what}: src/${home} has it`,
    );
  }
});

/** Before failures can be told, in the telling of one, and where a search goes on with the next file. */
const MAY_ASK_ONCE = [
  ...['bin.ts', 'exec/home.ts', 'exec/map-stack.ts'],
  ...['settings.ts', 'commands/doctor.ts', 'engine/docker/discovery.ts'],
];

test('a device that fails is not taken for one that holds nothing', () => {
  const files = sources().filter((file) => /\bexistsSync\(/.test(code(file)));
  assert.deepEqual(
    files.filter((file) => !MAY_ASK_ONCE.includes(file)),
    [],
    'isThere of src/exec/files.ts throws then',
  );
});

/**
 * Statements that write to a property of what the function itself did not declare: `name.field = …`, `name.map.set(…)`.
 * A class may write to its own fields, and a function to what it has just made.
 */
function assignments(text: string): readonly string[] {
  const own = new Set([...text.matchAll(/\b(?:const|let)\s+(\w+)\b/g)].map(([, name]) => name));
  const statement =
    /^\s*((\w+)(?:\??\.\w+|\[[^\]]+\])*(?:(?:\.\w+|\[[^\]]+\])\s*(?:[+\-|&?*]{0,2}=)(?![=>])|\.\w+\.(?:set|add|push|delete)\().*)$/gm;
  return [...text.matchAll(statement)]
    .filter(([, , name]) => name !== 'this' && !own.has(name))
    .map(([, line]) => (line as string).trim());
}

function allowed({ file, room, typeOnly }: Import, target: string): boolean {
  if (room === '') {
    const named = TOP[file];
    assert.ok(named !== undefined, `src/${file}: a new file at the top belongs into TOP, or into a room`);
    return named.includes(target) || (file === 'cli.ts' && typeOnly);
  }
  // Everybody may name failures and events; what reads arguments and environment is for nobody.
  if (target.endsWith('.ts')) return ['failure.ts', 'events.ts'].includes(target);
  if (room === target) return true;
  if (ABOVE.includes(room))
    return !ABOVE.includes(target) || ABOVE.indexOf(target) < ABOVE.indexOf(room) || typeOnly;
  const below = BELOW[room];
  if (below !== undefined) return below.includes(target) || (typeOnly && SHARED.includes(target));
  if (SHARED.includes(target)) return true;
  return typeOnly && STAGES.indexOf(target) < STAGES.indexOf(room) && STAGES.includes(target);
}

function imports(): readonly Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
  return sources().flatMap((file) =>
    [...code(file).matchAll(pattern)].map((match) => ({
      file,
      room: roomOf(join(SRC, file)),
      to: (match[2] ?? match[3]) as string,
      typeOnly: match[1] !== undefined,
    })),
  );
}

/** First folder below src, or an inner room; of a file at the top its name. */
function targetOf(path: string): string {
  const name = relative(SRC, path);
  return INNER.find((inner) => name.startsWith(`${inner}/`)) ?? (name.split('/')[0] as string);
}

/** The room of a source file; files at the top (cli, settings, events, failure) are in none. */
function roomOf(path: string): string {
  const target = targetOf(path);
  return target.endsWith('.ts') ? '' : target;
}

/** The engine that a source file belongs to: the folder below `engine/`. */
function engineOf(name: string): string | undefined {
  return /^engine\/([^/]+)\//.exec(name)?.[1];
}

function sources(): readonly string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
}

/** A file's text without comments, so that prose may name what code may not. */
function code(file: string): string {
  return readFileSync(join(SRC, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
}

const ARCHITECTURE = join(HOME, 'ARCHITECTURE.md');

test('ARCHITECTURE.md lists every module of src with a description', () => {
  const entries = readdirSync(SRC, { withFileTypes: true });
  const folders = entries.filter((one) => one.isDirectory()).map(({ name }) => name);
  const files = entries.filter((one) => one.isFile()).map(({ name }) => name);
  assert.deepEqual(Object.keys(MODULES).sort(), folders.sort(), 'descriptions in test/docs/rooms.ts');
  assert.deepEqual(Object.keys(TOP_FILES).sort(), files.sort(), 'descriptions in test/docs/rooms.ts');
  assertSection(ARCHITECTURE, 'modules', modulesTable(files, folders));
});

test('every module of src has its place in the import rules, and no other has', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((one) => one.isDirectory());
  const known = new Set([...SHARED, ...Object.keys(BELOW), ...STAGES, ...ABOVE]);
  assert.deepEqual([...known].sort(), [...folders.map(({ name }) => name), ...INNER].sort());
});

test('ARCHITECTURE.md states the import rules that are checked here, and the stages of src/events.ts', () => {
  const rules = {
    stages: STAGES,
    shared: SHARED,
    below: BELOW,
    above: ABOVE,
    libraries: LIBRARIES,
    top: TOP,
  };
  assertSection(ARCHITECTURE, 'imports', importsTable(rules));
  assertSection(ARCHITECTURE, 'stages', stagesTable());
});
