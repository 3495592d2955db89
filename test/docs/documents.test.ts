// What the documents say, compared with what the program has.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { COMMAND_NAMES, GLOBAL_OPTIONS, loadAllCommands } from '../../src/commands/index.ts';
import { readHeader } from '../../src/run/header.ts';
import { CAPABILITIES, OPERATIONS, type Operation } from '../../src/runtime/capabilities.ts';
import { FACILITIES } from '../../src/runtime/facilities.ts';
import { REPOSITORY } from '../support/cli.ts';
import { assertSection, markdownTable } from './generated.ts';

const DOCUMENTS = [
  ...readdirSync(REPOSITORY).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(REPOSITORY, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const FORMER = ['conformance', 'runners'];

test('every link between the documents leads to a file and a heading that exist', () => {
  const broken = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link as string)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const file = path === '' ? document : normalize(join(dirname(document), path));
        const text = readOrUndefined(file);
        if (text === undefined) return true;
        return anchor !== undefined && !anchors(text).includes(anchor);
      })
      .map((link) => `${document}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('every file and folder of the repository that a document names exists', () => {
  const folders = readdirSync(REPOSITORY, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
  // Folders that are gone, too.
  const start = [...new Set([...folders, ...FORMER])].join('|');
  const path = new RegExp(`\`((?:${start})/[\\w./-]*)\``, 'g');
  const missing = DOCUMENTS.filter((document) => document !== 'CHANGELOG.md').flatMap((document) =>
    [...read(document).matchAll(path)]
      .map(([, name]) => name as string)
      .filter((name) => !name.startsWith('artifacts/') && readOrUndefined(name) === undefined)
      .map((name) => `${document}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test('every chapter in docs/ is linked from the README', () => {
  const readme = read('README.md');
  const files = readdirSync(join(REPOSITORY, 'docs'));
  assert.deepEqual(
    files.filter((name) => !readme.includes(`docs/${name}`)),
    [],
  );
});

test('docs/commands.md has a line for every command and every option that all commands take', () => {
  const text = read('docs/commands.md');
  const listed = [...text.matchAll(/^\| `provision ([a-z]+)\b/gm)].map(([, name]) => name as string);
  assert.deepEqual([...new Set(listed)].sort(), [...COMMAND_NAMES].sort());
  const options = [...text.matchAll(/^\| `--([a-z-]+)/gm)].map(([, name]) => name as string);
  assert.deepEqual(options.sort(), Object.keys(GLOBAL_OPTIONS).sort());
});

test('every option that a document shows behind a command is one of that command', async () => {
  const commands = await loadAllCommands();
  const wrong = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/provision ([a-z]+)([^`\n]*)/g)].flatMap(([shown, name, rest = '']) => {
      const command = commands.find((one) => one.name === name);
      const [own = ''] = rest.split(' -- ');
      return [...own.matchAll(/ --([a-z-]+)/g)]
        .map(([, option]) => option as string)
        .filter((option) => command !== undefined && !(option in { ...command.options, ...GLOBAL_OPTIONS }))
        .map((option) => `${document}: ${shown}: --${option}`);
    }),
  );
  assert.deepEqual(wrong, []);
});

test('docs/settings.md has every variable of provision that the program reads', () => {
  const text = read('docs/settings.md');
  const names = ['src/settings.ts', 'src/cli.ts', 'provision'].flatMap((file) => [
    ...read(file).matchAll(/\b(?:PROVISION|DOCKER)_[A-Z]+(?:_[A-Z]+)*\b/g),
  ]);
  const variables = [...new Set(names.map(([name]) => name))];
  assert.ok(variables.length >= 8, variables.join());
  assert.deepEqual(
    variables.filter((name) => !text.includes(name)),
    [],
  );
});

test('every bench, and each way of one that is measured apart, is run by a test', () => {
  const folder = join(REPOSITORY, 'test', 'e2e');
  const tests = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const run = (what: string): boolean =>
    tests.some((text) => new RegExp(`(?:bench\\(|rowsOf\\(|'bench',)\\s*${what}`).test(text));
  for (const bench of benchNames()) assert.ok(run(`'${bench}',`), bench);
  assert.ok(run("'amortize', 'native', '--isolation'"));
});

test('docs/benches.md has a section for every bench, and for no other', () => {
  const benches = benchNames();
  const sections = [...read('docs/benches.md').matchAll(/^## `provision bench (\w+)/gm)].map(
    ([, name]) => name as string,
  );
  assert.deepEqual(sections.sort(), benches.sort());
});

test('docs/exit-codes.md has every area of failures with its exit code', () => {
  const [, table = ''] = /const EXIT_CODES[^{]*\{([\s\S]*?)\n\};/.exec(read('src/failure.ts')) ?? [];
  const areas = [...table.matchAll(/^ {2}(\w+): (\d+),/gm)].map(([, area, code]) => `${area} ${code}`);
  assert.ok(areas.length >= 10, areas.join());
  const rows = [...read('docs/exit-codes.md').matchAll(/^\| (\d+) \| ([^|]*)\|/gm)].flatMap(
    ([, code, cell = '']) => [...cell.matchAll(/`(\w+)\/…`/g)].map(([, area]) => `${area} ${code}`),
  );
  assert.deepEqual(rows.sort(), areas.sort());
});

test('every failure code that a document names is one of the program', () => {
  const source = readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join('src', name)))
    .join('\n');
  const areas = 'usage|recipe|plan|lock|fetch|archive|engine|store|build|samples';
  const wrong = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(new RegExp(`\`((?:${areas})/[a-z-]+)\``, 'g'))]
      .map(([, code]) => code as string)
      .filter((code) => !source.includes(`'${code}'`) && !isPath(code))
      .map((code) => `${document}: ${code}`),
  );
  assert.deepEqual(wrong, []);
});

test('every recipe key that docs/samples.md names is in the recipe reference', () => {
  const reference = read('docs/recipe-reference.md');
  const named = [...read('docs/samples.md').matchAll(/`((?:samples|tests|wasm|python)\.[A-Za-z.-]+)`/g)]
    .map(([, key]) => key as string)
    .filter((key) => !key.endsWith('.py'));
  assert.ok(named.includes('samples.timeout'), named.join());
  assert.deepEqual(
    named.filter((key) => !reference.includes(`| \`${key}\` |`)),
    [],
  );
});

test('docs/own-crate.md has what can be done on each kind of target, with the reasons', () => {
  const kinds = ['native', 'qemu-user', 'wasmtime', 'node-wasi'] as const;
  const operations = Object.entries(OPERATIONS) as [Operation, string][];
  const reasons = [...new Set(kinds.flatMap((kind) => Object.values(CAPABILITIES[kind].impossible)))];
  const cell = (operation: Operation, kind: (typeof kinds)[number]): string => {
    const why = CAPABILITIES[kind].impossible[operation];
    return why === undefined ? 'yes' : `no (${reasons.indexOf(why) + 1})`;
  };
  const table = markdownTable(
    ['', 'native', 'QEMU', 'wasmtime', 'Node'],
    operations.map(([operation, title]) => [title, ...kinds.map((kind) => cell(operation, kind))]),
  );
  const listed = reasons.map((why, index) => `${index + 1}. ${why.replace(/\.$/, '')}.`);
  assertSection(join(REPOSITORY, 'docs', 'own-crate.md'), 'operations', `${table}\n\n${listed.join('\n')}`);
});

test('docs/samples.md has what each runtime offers, and describes every facility', () => {
  const kinds = ['native', 'qemu-user', 'wasmtime', 'node-wasi'] as const;
  const names = ['native', 'QEMU', 'wasmtime', 'Node'];
  assertSection(
    join(REPOSITORY, 'docs', 'samples.md'),
    'facilities',
    markdownTable(
      ['facility', ...names],
      FACILITIES.map((facility) => [
        `\`${facility}\``,
        ...kinds.map((kind) => {
          if (CAPABILITIES[kind].conditional.includes(facility)) return 'by the kernel';
          return CAPABILITIES[kind].facilities.includes(facility) ? 'yes' : 'no';
        }),
      ]),
    ),
  );
  const described = [...read('docs/samples.md').matchAll(/^\| `([a-z]+)` \| (?!yes|no)[a-z]/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(
    FACILITIES.filter((name) => !described.includes(name)),
    [],
  );
});

test('docs/samples.md lists the header keys that are read, and its example is a valid header', () => {
  const text = read('docs/samples.md');
  const [, keys = ''] = /const KEYS = \[([^\]]*)\]/.exec(read('src/run/header-keys.ts')) ?? [];
  const known = [...keys.matchAll(/'([a-z-]+)'/g)].map(([, key]) => key as string);
  const [, section = ''] = /\n### Keys\n([\s\S]*?)\n\*\*/.exec(text) ?? [];
  const listed = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, key]) => key as string);
  assert.ok(known.length >= 7, keys);
  assert.deepEqual(listed, known);
  const [, example = ''] = /```python\n([\s\S]*?)```/.exec(text) ?? [];
  const shown = [...example.matchAll(/^# ([a-z-]+):/gm)].map(([, key]) => key as string);
  assert.deepEqual([...new Set(shown)].sort(), [...known].sort());
  const header = readHeader(Buffer.from(example), 'example.py');
  assert.ok(header.ok && header.value?.title === 'Ledger with exact money', JSON.stringify(header));
});

function read(file: string): string {
  return readFileSync(join(REPOSITORY, file), 'utf8');
}

/** Text of a file, '' of a folder; undefined if there is neither. */
function readOrUndefined(file: string): string | undefined {
  try {
    return read(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? '' : undefined;
  }
}

/** Of its headings, as GitHub makes them. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

function isPath(text: string): boolean {
  return readOrUndefined(join('src', text)) !== undefined;
}

function benchNames(): string[] {
  const [, table = ''] = /const BENCHES[^{]*\{([\s\S]*?)\n\};/.exec(read('src/commands/bench.ts')) ?? [];
  const benches = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name as string);
  assert.ok(benches.length >= 7, benches.join());
  return benches;
}
