import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const SUITE = join(import.meta.dirname, '../../runner/samples');

/** Minimum number of samples in a tier. */
const TIERS = { any: 5, dynamic: 15, realworld: 20 } as const;

/**
 * The strict form of docs/samples.md for the shipped suite: keys in this order, the block form only for stdin. The other
 * forms that the parser accepts are tested with the parser.
 */
const HEADER = new RegExp(
  [
    '^# /// sample\\n',
    '# title: (?<title>\\S.{0,78}\\S)\\n',
    '# tier: (?<tier>any|dynamic|realworld)\\n',
    '(?:# requires: (?<requires>[a-z:0-9_]+(?:, [a-z:0-9_]+)*)\\n)?',
    '(?:# python: (?:[<>!=]=|[<>])3\\.\\d+\\n)?',
    '(?:# argv: (?<argv>\\S.*)\\n)?',
    '(?:# stdin: \\|-?\\n(?<stdin>(?:#(?:   ?.*)?\\n)+))?',
    '(?:# timeout: \\d+(?:\\.\\d+)?\\n)?',
    '(?:# differs-on: [\\w-]+(?:, [\\w-]+)*: \\S.*\\n)*',
    '# ///\\n',
  ].join(''),
);

const FACILITIES = /^(?:threads|subprocess|sockets|signals|files|symlinks|module:[A-Za-z_][\w.]*)$/;

/** Modules that need a facility. */
const NEEDS: Readonly<Record<string, string>> = {
  threading: 'threads',
  'concurrent.futures': 'threads',
  subprocess: 'subprocess',
  multiprocessing: 'subprocess',
  asyncio: 'sockets',
  socket: 'sockets',
  signal: 'signals',
  tempfile: 'files',
  shutil: 'files',
  sqlite3: 'module:sqlite3',
  ctypes: 'module:ctypes',
  zlib: 'module:zlib',
  gzip: 'module:zlib',
  bz2: 'module:bz2',
  lzma: 'module:lzma',
  ssl: 'module:ssl',
};

/** Values that differ between platforms or runs. */
const UNSTABLE = [
  /\bsys\.platform\b/,
  /\bplatform\./,
  /\bos\.(?:name|uname|getpid\(\)\))/,
  /\btime\.(?:time|perf_counter|monotonic|localtime)\b/,
  /\bdatetime\.now\b|\bdate\.today\b/,
  /\bprint\([^#\n]*\bid\(/,
  /\brandom\.(?!Random\(\d)/,
];

interface Sample {
  readonly name: string;
  readonly folder: string;
  readonly text: string;
}

const samples: Sample[] = Object.keys(TIERS).flatMap((folder) =>
  readdirSync(join(SUITE, folder))
    .filter((file) => file.endsWith('.py'))
    .map((file) => ({
      name: `${folder}/${file}`,
      folder,
      text: readFileSync(join(SUITE, folder, file), 'utf8'),
    })),
);

function header({ name, text }: Sample): Record<string, string | undefined> {
  const match = HEADER.exec(text);
  assert.ok(match?.groups, `${name}: header is not of the form of docs/samples.md:\n${text.slice(0, 200)}`);
  return match.groups;
}

test('every tier has the expected number of samples', () => {
  for (const [folder, least] of Object.entries(TIERS)) {
    const count = samples.filter((sample) => sample.folder === folder).length;
    assert.ok(count >= least, `${folder}: ${count} samples, at least ${least} wanted`);
  }
});

test('every sample has a well-formed header in the folder of its tier', () => {
  for (const sample of samples) {
    const { tier, requires } = header(sample);
    assert.equal(tier, sample.folder, sample.name);
    for (const facility of requires?.split(', ') ?? []) assert.match(facility, FACILITIES, sample.name);
  }
});

test('every title is unique', () => {
  const seen = new Map<string, string>();
  for (const sample of samples) {
    const title = header(sample).title?.toLowerCase() ?? '';
    assert.equal(seen.get(title), undefined, `${sample.name} has the title of ${seen.get(title)}`);
    seen.set(title, sample.name);
  }
});

test('a sample declares the facilities that its imports need', () => {
  for (const sample of samples) {
    const declared = header(sample).requires?.split(', ') ?? [];
    for (const [, name = ''] of sample.text.matchAll(/^(?:import|from) ([\w.]+)/gm)) {
      const facility = NEEDS[name];
      assert.ok(
        facility === undefined || declared.includes(facility),
        `${sample.name} imports ${name}: requires ${facility}`,
      );
    }
  }
});

test('no sample prints values that differ between runs or platforms', () => {
  for (const sample of samples) {
    for (const pattern of UNSTABLE) assert.doesNotMatch(sample.text, pattern, sample.name);
  }
});

test('samples are plain text: LF, no tabs, no trailing spaces outside of the header, a newline at the end', () => {
  for (const { name, text } of samples) {
    assert.ok(!text.includes('\r') && !text.includes('\t'), `${name}: CR or tab`);
    assert.ok(text.endsWith('\n') && !text.endsWith('\n\n'), `${name}: end of file`);
  }
});
