// Archives as nobody writes them, each of a number: entries out of a small set of names that get in each other's way,
// headers and extended headers with one thing wrong, damaged blocks, odd ends, odd members of ar.
import { ar, compress, type DebCompression, file, MTIME, type TarPart, tar } from './deb.ts';

export interface OddArchive {
  readonly deb: Buffer;
  /** The data member alone, as `tar` reads it. */
  readonly data: Buffer;
  readonly compression: DebCompression;
}

/** Numbers that depend on a seed alone: mulberry32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

export function oddArchive(seed: number): OddArchive {
  const dice = new Dice(seed);
  const whole = tar(entries(dice));
  const spoilt = dice.chance(30) ? dice.of(SPOILERS)(dice, whole) : whole;
  const compression = dice.of(['none', 'gz', 'none', 'zst', 'xz'] as const);
  const packed = compress(spoilt, compression);
  const data = compression !== 'none' && dice.chance(20) ? oddEnd(dice, packed, compression) : packed;
  return { deb: members(dice, data, compression), data, compression };
}

const NAMES = [
  './a',
  './b',
  './d/',
  './d/a',
  './d/e/',
  './l',
  './l/x',
  'a',
  'd/./b',
  './k',
  './long',
  './d',
  './m/n/o',
];
const ODD_NAMES = [
  '/abs',
  '../up',
  './d/../a',
  'x/',
  './',
  '.',
  './a\0b',
  'ä',
  './a\nb',
  './\xe9',
  '..',
  './c\\d',
  ' ',
  './l/',
  '//a',
];
const TARGETS = [
  'a',
  './a',
  'd/a',
  'd',
  '/etc',
  '../x',
  './d/a',
  '.',
  './nothing',
  'l',
  './l/x',
  '/a',
  'd/../a',
  './b',
  '../../a',
];
const MODES = [0o644, 0o755, 0o600, 0o777, 0o4755, 0o2755, 0o1777, 0, 0o100644, 0o40755];

function entries(dice: Dice): readonly TarPart[] {
  const made: string[] = [];
  return Array.from({ length: 1 + dice.below(5) }, () => {
    const parts = entry(dice, made);
    made.push(String(parts.at(-1)?.name));
    return parts;
  }).flat();
}

/** `made`: names of the entries before it. */
function entry(dice: Dice, made: readonly string[]): readonly TarPart[] {
  const name = dice.chance(3) ? dice.of(ODD_NAMES) : dice.of(NAMES);
  const drawn = dice.chance(3) ? dice.of([...'3467SNVMDAXIZ', '\0', ' ', '8']) : dice.of([...'0000001255']);
  const type = drawn === '1' && made.length === 0 ? '0' : name.endsWith('/') && dice.chance(95) ? '5' : drawn;
  const to = type === '1' && dice.chance(85) ? dice.of(made) : dice.of(TARGETS);
  const link = type === '1' || type === '2' || dice.chance(1) ? to : undefined;
  const holds = ['0', '7', '\0', 'S', 'D'].includes(type) || dice.chance(2);
  const content = holds ? text(dice) : '';
  const named = type === '5' && dice.chance(80) && !name.endsWith('/') ? `${name}/` : name;
  const mode = dice.of(type === '5' ? MODES.slice(1, 7) : MODES);
  const part: TarPart = {
    name: dice.chance(5) ? `${named}${'/deep'.repeat(dice.below(25))}` : named,
    type,
    content,
    mode,
    mtime: MTIME,
    ...(link !== undefined && { link }),
    ...(dice.chance(15) && { long: dice.of(['gnu', 'pax'] as const) }),
    ...(dice.chance(1) && { size: dice.below(3000) }),
  };
  return dice.chance(10) ? [...metadata(dice), part] : [part];
}

function text(dice: Dice): string {
  return `${dice.below(1000)} `.repeat(dice.of([0, 1, 3, 127, 128, 129, 400]));
}

/** An extended header or a long name, or two, right or wrong. */
function metadata(dice: Dice): readonly TarPart[] {
  const type = dice.of([...'xxxxxgLK']);
  const name = dice.of([...NAMES, ...ODD_NAMES]);
  const content =
    type === 'L' || type === 'K' ? dice.of([`${name}\0`, name, `${name}\0more\0`, '', '\0']) : records(dice);
  const one = { name: 'metadata', type, content, ...(dice.chance(5) && { size: dice.below(600) }) };
  return dice.chance(12) ? [...metadata(dice), one] : [one];
}

const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  path: [...NAMES, ...ODD_NAMES, '', 'p\0q'],
  linkpath: [...TARGETS, '', 'p\0q'],
  size: ['0', '5', '512', '600', '-1', 'x', '', '1e2', '0x10', '99999999999999999999', ' 7'],
  mtime: ['1', '1.5', '-1', 'x', '', '1e9', '99999999999999'],
  uid: ['0', 'x', '-1'],
  uname: ['root', 'ö'],
  comment: ['any', 'two\nlines', '7 path=z'],
  mode: ['0600', '0'],
  type: ['5'],
  hdrcharset: ['BINARY'],
  'GNU.sparse.name': ['./sparse'],
  'GNU.sparse.realsize': ['1000', '10'],
  'GNU.sparse.size': ['1000'],
  'GNU.sparse.map': ['0,5', '1,2,3', 'x'],
  'GNU.sparse.numblocks': ['1'],
  'SCHILY.xattr.user.x': ['v'],
  'VENDOR.key': ['v'],
  unknown: ['v'],
};

const SPARSE_1 = {
  'GNU.sparse.major': '1',
  'GNU.sparse.minor': '0',
  'GNU.sparse.name': './s',
  'GNU.sparse.realsize': '9',
};

function records(dice: Dice): Buffer {
  if (dice.chance(8))
    return Buffer.concat(Object.entries(SPARSE_1).map(([key, value]) => record(key, value)));
  const parts = Array.from({ length: 1 + dice.below(3) }, () => {
    const key = dice.of(dice.chance(70) ? ['path', 'linkpath', 'size', 'mtime'] : Object.keys(KEYWORDS));
    const right = record(key, dice.of(KEYWORDS[key] ?? ['']));
    return dice.chance(15) ? malformed(dice, right) : right;
  });
  return Buffer.concat(parts);
}

function record(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length)
    length = String(length).length + Buffer.byteLength(rest);
  return Buffer.from(`${length}${rest}`);
}

function malformed(dice: Dice, right: Buffer): Buffer {
  const text = right.toString('latin1');
  const wrong = dice.of([
    text.replace(/^\d+/, (length) => String(Number(length) + dice.of([1, -1, 10]))),
    text.replace(/^/, dice.of(['0', ' ', '+', '\n'])),
    text.replace('=', ''),
    text.replace(/\n$/, ''),
    text.replace(' ', ''),
    `${text}\0\0\0`,
    '0 \n',
  ]);
  return Buffer.from(wrong, 'latin1');
}

type Spoiler = (dice: Dice, archive: Buffer) => Buffer;

const BLOCK = 512;

const SPOILERS: readonly Spoiler[] = [
  oddField,
  oddField,
  oddField,
  oddField,
  (dice, archive) => flipped(dice, archive),
  (dice, archive) => archive.subarray(0, dice.below(archive.length)),
  (_, archive) => archive.subarray(0, -BLOCK),
  (_, archive) => archive.subarray(0, -2 * BLOCK),
  (dice, archive) =>
    Buffer.concat([archive, dice.of([Buffer.from('more'), tar([file('./after')]), Buffer.alloc(700)])]),
  (dice, archive) => inserted(dice, archive, Buffer.alloc(BLOCK)),
  (dice, archive) => inserted(dice, archive, block(dice, archive)),
  (dice, archive) => inserted(dice, archive, Buffer.alloc(0), BLOCK),
];

/** Offset and length of fields of a header, and what may be in them: tar(5). */
const FIELDS: readonly (readonly [at: number, length: number, values: readonly string[]])[] = [
  [0, 100, ['./z\0garbage', '\0', 'y'.repeat(100), './q\0\n', 'dir/']],
  [100, 8, ['', '644', ' 755 ', '0000899\0', '-000644\0', '00000644', '\x80\0\0\0\0\0\x01\xa4', 'rw-r--r-']],
  [108, 8, ['', '\xff\xff\xff\xff\xff\xff\xff\xff', 'x', '\x80\0\0\0\0\0\x01\xa4']],
  [
    124,
    12,
    [
      '',
      '\x80\0\0\0\0\0\0\0\0\0\0\x05',
      '\xff'.repeat(12),
      '0000000000z\0',
      '-00000000001',
      '          5 ',
      '5',
      '00000000005 junk',
      '0x5',
      '77777777777\0',
      '+5',
      '5\0junk',
    ],
  ],
  [136, 12, ['', '\xff'.repeat(11), '\x80\0\0\0\0\0\0\0\0\0\0\x05', 'junk', '-1']],
  [156, 1, [...'01257xgLKSNVMDAX', '\0', ' ', '9']],
  [157, 100, ['a', './a\0garbage', 'z'.repeat(100), '']],
  [257, 8, ['', 'ustar  \0', 'ustar\0 0', 'ustar\u000001', 'USTAR\u000000', 'xstar\0 0']],
  [265, 32, ['root', 'r'.repeat(32), '\xff']],
  [329, 16, ['', 'junk', '\xff']],
  [
    345,
    155,
    [
      'pre',
      'pre/',
      'p'.repeat(130),
      'p'.repeat(155),
      '..',
      '/abs',
      'pre\0garbage',
      `pre${'\0'.repeat(127)}\u0001`,
    ],
  ],
  [476, 36, ['00000000001\u000000000000001\0', 'junk', `${'\0'.repeat(32)}tar\0`]],
];

function oddField(dice: Dice, archive: Buffer): Buffer {
  const copy = Buffer.from(archive);
  const at = dice.of(headers(copy));
  const [offset, length, values] = dice.of(FIELDS);
  copy.fill(0, at + offset, at + offset + length);
  copy.write(dice.of(values), at + offset, length, 'latin1');
  sum(dice, copy.subarray(at, at + BLOCK));
  return copy;
}

/** Mostly right, in one of its spellings. */
function sum(dice: Dice, header: Buffer): void {
  header.fill(' ', 148, 156);
  const signed = dice.chance(3);
  const total = header.reduce((all, byte) => all + (signed && byte > 127 ? byte - 256 : byte), 0);
  const digits = Math.abs(dice.chance(2) ? total + 1 : total).toString(8);
  header.write(
    dice.of([`${digits.padStart(6, '0')}\0 `, `${digits.padStart(7, '0')}\0`, digits.padStart(8, '0')]),
    148,
    'latin1',
  );
}

/** Where blocks begin that look like headers. */
function headers(archive: Buffer): readonly number[] {
  const all = Array.from({ length: archive.length / BLOCK }, (_, index) => index * BLOCK);
  return all.filter((at) => archive.toString('latin1', at + 257, at + 262) === 'ustar');
}

function block(dice: Dice, archive: Buffer): Buffer {
  const at = dice.of(headers(archive));
  return archive.subarray(at, at + BLOCK);
}

function inserted(dice: Dice, archive: Buffer, bytes: Buffer, without = 0): Buffer {
  const at = dice.below(archive.length / BLOCK) * BLOCK;
  return Buffer.concat([archive.subarray(0, at), bytes, archive.subarray(at + without)]);
}

function flipped(dice: Dice, archive: Buffer): Buffer {
  const copy = Buffer.from(archive);
  const at = dice.of(headers(copy));
  copy[at + dice.below(BLOCK)] = dice.below(256);
  if (dice.chance(80)) sum(dice, copy.subarray(at, at + BLOCK));
  return copy;
}

function oddEnd(dice: Dice, packed: Buffer, compression: DebCompression): Buffer {
  const more = dice.of([
    Buffer.from('more'),
    Buffer.alloc(4),
    Buffer.alloc(9),
    compress(tar([file('./z')]), compression),
  ]);
  if (dice.chance(25)) return packed.subarray(0, -1 - dice.below(12));
  if (dice.chance(15)) {
    const copy = Buffer.from(packed);
    copy[dice.below(copy.length)] = dice.below(256);
    return copy;
  }
  return Buffer.concat([packed, more]);
}

const ENDINGS: Readonly<Record<DebCompression, string>> = { xz: '.xz', gz: '.gz', zst: '.zst', none: '' };

function members(dice: Dice, data: Buffer, compression: DebCompression): Buffer {
  const version = ['debian-binary', Buffer.from('2.0\n')] as const;
  const control = ['control.tar.gz', compress(tar([file('./control', 'Package: a\n')]), 'gz')] as const;
  const files = [`data.tar${ENDINGS[compression]}`, data] as const;
  const right = ar([version, control, files]);
  if (!dice.chance(10)) return right;
  const extra = Buffer.from('odd');
  return dice.of([
    () => ar([version, files]),
    () => ar([version, files, control]),
    () => ar([control, version, files]),
    () => ar([control, files]),
    () => ar([version, control]),
    () => ar([version, control, ['_more', extra], files]),
    () => ar([version, ['_more', extra], control, files]),
    () => ar([version, ['more', extra], control, files]),
    () => ar([version, control, ['more', extra], files]),
    () => ar([version, control, control, files]),
    () => ar([version, control, files, files]),
    () => ar([version, control, files, ['more', extra]]),
    () =>
      ar([
        [
          'debian-binary',
          Buffer.from(dice.of(['2.1\n', '3.0\n', '2.0', '2\n', 'x', '', '2.0\nmore\n', '02.0\n', '2.x\n'])),
        ],
        control,
        files,
      ]),
    () =>
      ar([
        version,
        [dice.of(['control.tar', 'control.tar.bz2', 'control', 'control.tar.xz']), control[1]],
        files,
      ]),
    () => ar([version, control, [dice.of(['data.tar.bz2', 'data.tar.lzma', 'data', 'data.tar.']), data]]),
    () => Buffer.concat([right, extra]),
    () => right.subarray(0, -1 - dice.below(right.length / 2)),
    () => edited(right, 8 + dice.below(60), dice.of(['x', ' ', '0', '-', '\0', '/'])),
    () => edited(right, 8 + 48, dice.of(['4 x', '0x4', ' 4', '-4', '4\0', '99'])),
    () => edited(right, 8 + 64 + dice.below(60), dice.of(['x', ' ', '0', '-', '\0', '/'])),
    () =>
      ar([
        version,
        ['control.tar.gz', Buffer.concat([control[1], Buffer.alloc(control[1].length % 2 === 1 ? 0 : 1)])],
        files,
      ]).map((byte, at, all) =>
        byte === 0x0a && at > 68 + 60 + 20 && all.toString('latin1', at + 1, at + 9) === 'data.tar'
          ? 0x58
          : byte,
      ) as Buffer,
  ])();
}

function edited(archive: Buffer, at: number, value: string): Buffer {
  const copy = Buffer.from(archive);
  copy.write(value, at, 'latin1');
  return copy;
}
