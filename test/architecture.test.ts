import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const SRC = join(HOME, 'src');

/** Rooms that a stage may call; stages among themselves share types only. */
const SHARED = ['domain', 'charts', 'crate', 'store', 'exec', 'engine', 'archive', 'distro', 'runtime'];

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
  'blocker',
  'report',
];

/** What a shared room may itself call. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  charts: ['domain'],
  crate: ['domain'],
  exec: ['domain'],
  store: ['domain', 'exec'],
  archive: ['domain', 'exec', 'store'],
  distro: ['domain', 'exec', 'store', 'archive'],
  engine: ['domain', 'exec', 'store', 'archive'],
  runtime: ['domain', 'exec', 'store', 'engine'],
};

/** Where a runtime or the C library of WASI may be asked for by name: its adapters, and the validation of recipes. */
const ADAPTERS = ['runtime/', 'recipe/'];

/** Rooms on top of the stages: they put them together. */
const ABOVE = ['pipeline', 'bench', 'commands'];

/** Every outside library has one room. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  yaml: ['recipe'],
  zod: ['recipe'],
  undici: ['fetch'],
  // Packing for an image is the engine's own.
  tar: ['archive', 'engine'],
  execa: ['exec'],
  dockerode: ['engine'],
  echarts: ['charts'],
  listr2: ['report'],
  diff: ['run'],
  'smol-toml': ['crate'],
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
    .filter((one) => !allowed(one, roomOf(resolve(dirname(join(SRC, one.file)), one.to))))
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

test('triples and architecture names stand in data, not in code', () => {
  const names = /\b(aarch64|arm64|armhf|armv7|riscv64|s390x|ppc64|powerpc64|x86_64|x86-64|amd64|wasm32)/;
  // Commands that help texts show name recipes.
  const shown = /(['`])(?:Start with: )?provision [^'`]*\1/g;
  const wrong = sources()
    .filter((file) => file !== join('bench', 'default-recipe.ts'))
    .filter((file) => names.test(code(file).replace(shown, '')));
  assert.deepEqual(wrong, []);
});

test('runtimes and the C library of WASI are told apart in their adapters only', () => {
  const compared = /(?:[!=]==?\s*|\bcase\s+)'(?:wasi|native|qemu-user|wasmtime|node-wasi|reference)'/;
  const probed = /\bstartsWith\('qemu-|\brecipe\.wasm\s*[!=]==?\s*undefined/;
  const wrong = sources()
    .filter((file) => !ADAPTERS.some((path) => file.startsWith(path)))
    .filter((file) => compared.test(code(file)) || probed.test(code(file)));
  assert.deepEqual(wrong, []);
});

test('no registry or mirror address stands in the tree but the snapshot archive, in one file', () => {
  const wrong = sources()
    .filter((file) => file !== join('distro', 'debian', 'settings.ts'))
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
  'recipe/': 'reads that field, and describes to users what they write: suites and packages of Debian',
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

function allowed({ room, typeOnly }: Import, target: string): boolean {
  if (room === '' || room === target || target === '') return true;
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

/** First folder below src; files at the top (cli, pipeline, events, failure) belong to none. */
function roomOf(path: string): string {
  const parts = relative(SRC, path).split('/');
  return parts.length > 1 ? (parts[0] as string) : '';
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
