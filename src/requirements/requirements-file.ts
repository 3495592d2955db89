import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { addPath, type Collected, isPath, readPath } from './collect.ts';
import { markersOf } from './environment.ts';
import { holds } from './marker.ts';
import { parseRequirement } from './requirement.ts';

/** Options for which pip asks an index; they are given to pip as they are written. */
const INDEX_OPTIONS = /^(--index-url|--extra-index-url|--find-links|--trusted-host|-i|-f)(?=[=\s])/;
const INDEX_FLAGS = /^(--no-index|--pre|--prefer-binary)$/;
/** Options that say what is so anyway. */
const SAID_ANYWAY = /^(--require-hashes|--only-binary(=|\s+):all:)$/;

/** A line after continuations are joined, with the place of each of its characters. */
interface LogicalLine {
  readonly text: string;
  at(offset: number): SourcePosition;
}

/** Reads a requirements file (pip, "Requirements File Format") with all that it includes. */
export async function readRequirementsFile(
  collected: Collected,
  file: string,
  named: SourcePosition,
  constraints = false,
  including: readonly string[] = [],
): Promise<void> {
  if (including.includes(file)) {
    collected.fail({
      code: 'recipe/requirements-cycle',
      what: `\`${file}\` includes itself.`,
      why: [...including, file].join(' → '),
      fix: ['Remove this line.'],
      at: named,
    });
    return;
  }
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== 'string') {
    collected.fail(unreadable(file, text, named));
    return;
  }
  collected.files.push(file);
  for (const line of logicalLines(file, text)) {
    await readLine(collected, line, dirname(file), constraints, [...including, file]);
  }
}

function unreadable(file: string, error: NodeJS.ErrnoException, at: SourcePosition): Failure {
  const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
  return {
    code: 'recipe/no-requirements',
    what: missing ? `There is no file \`${file}\`.` : `\`${file}\` cannot be read: ${error.message}.`,
    fix: ['Give the path of a requirements file, relative to the file that names it.'],
    at,
  };
}

/** Joins lines that end with a backslash and leaves comments out, as pip does. */
function logicalLines(file: string, text: string): readonly LogicalLine[] {
  const done: LogicalLine[] = [];
  const physical = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let i = 0; i < physical.length; i += 1) {
    const pieces: { readonly start: number; readonly line: number }[] = [];
    let joined = '';
    for (; ; i += 1) {
      const line = physical[i] ?? '';
      pieces.push({ start: joined.length, line: i });
      const comment = line.trimStart().startsWith('#');
      const more = /\\$/.test(line) && !comment;
      joined += more ? `${line.slice(0, -1)} ` : line;
      if (!more || i + 1 >= physical.length) break;
    }
    const bare = joined.replace(/(^|\s)#.*$/, '').trimEnd();
    if (bare.trim() === '') continue;
    done.push({
      text: bare,
      at: (offset) => {
        const piece = pieces.findLast(({ start }) => start <= offset) ?? { start: 0, line: 0 };
        const source = physical[piece.line] ?? '';
        return { file, line: piece.line + 1, column: offset - piece.start + 1, text: source };
      },
    });
  }
  return done;
}

/** Reads one line of a requirements file; paths are relative to `folder`. */
export async function readLine(
  collected: Collected,
  line: LogicalLine,
  folder: string,
  constraints: boolean,
  including: readonly string[],
): Promise<void> {
  const lead = line.text.length - line.text.trimStart().length;
  const text = line.text.trim();
  const at = line.at(lead);
  const nested = /^(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(.+)$/.exec(text);
  if (nested !== null) {
    const [, option = '', path = ''] = nested;
    const file = isAbsolute(path) ? path : resolve(folder, path);
    const only = constraints || option === '-c' || option === '--constraint';
    return readRequirementsFile(collected, file, at, only, including);
  }
  const editable = /^(?:-e|--editable)(?:\s+|=)(.+)$/.exec(text);
  if (editable !== null)
    return readEntry(collected, shifted(line, editable[1] as string), folder, constraints);
  if (SAID_ANYWAY.test(text)) return;
  if (INDEX_OPTIONS.test(text) || INDEX_FLAGS.test(text)) {
    if (/\$\{[A-Z0-9_]+\}/.test(text)) collected.fail(variable(at));
    else collected.options.push(withAbsolutePath(text, folder));
    return;
  }
  if (text.startsWith('-')) {
    collected.fail(unknownOption(text, at));
    return;
  }
  readEntry(collected, line, folder, constraints);
}

function withAbsolutePath(option: string, folder: string): string {
  const found = /^(--find-links|-f)[=\s]\s*(\.{0,2}\/.*|[^:]+)$/.exec(option);
  return found === null ? option : `--find-links=${resolve(folder, (found[2] as string).trim())}`;
}

/** The same line from where `rest`, its end, begins. */
function shifted(line: LogicalLine, rest: string): LogicalLine {
  const offset = line.text.lastIndexOf(rest);
  return { text: rest, at: (inner) => line.at(offset + inner) };
}

/** A requirement with its options, or a path. */
export function readEntry(
  collected: Collected,
  line: LogicalLine,
  folder: string,
  constraints = false,
): void {
  const options = / --?[a-z]/.exec(line.text);
  const specifier = options === null ? line.text : line.text.slice(0, options.index);
  const hashes: string[] = [];
  for (const word of line.text.slice(specifier.length).split(/\s+(?=--?[a-z])/)) {
    const hash = /^--hash[=\s]\s*(\S+)$/.exec(word.trim())?.[1];
    if (word.trim() === '') continue;
    if (hash === undefined) {
      collected.fail(unknownOption(word.trim(), line.at(line.text.indexOf(word.trim()))));
      return;
    }
    const normal = hash.toLowerCase();
    if (!/^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/.test(normal)) {
      collected.fail(badHash(hash, line.at(line.text.indexOf(hash))));
      return;
    }
    hashes.push(normal);
  }
  const lead = specifier.length - specifier.trimStart().length;
  const bare = specifier.trim();
  const [word = '', marker] = bare.split(/\s*;\s*(.*)/s, 2) as [string, string?];
  if (isPath(word.split(/\s/)[0] as string) && !/\s@\s|^[A-Za-z0-9._-]+(\[[^\]]*\])?@/.test(word)) {
    if (/^[a-z+]+:\/\//.test(word) && !word.startsWith('file:')) {
      collected.fail(bareAddress(word, line.at(lead)));
      return;
    }
    readNamedPath(collected, { word, marker, hashes, line, lead }, folder);
    return;
  }
  const read = parseRequirement(bare);
  if (!read.ok) {
    const { offset, message } = read.error;
    collected.fail(notRequirement(message, line.at(lead + offset)));
    return;
  }
  const { name, extras, specifier: versions, version, address, marker: condition } = read.value;
  if (!holds(condition, markersOf(collected.environment))) return;
  const at = line.at(lead);
  if (
    address !== undefined &&
    (isPath(address) || address.startsWith('file:')) &&
    !/^(?!file)[a-z+]+:\/\//.test(address)
  ) {
    const { path } = readPath(address, folder);
    if (!constraints) addPath(collected, { path, extras, hashes, at });
    return;
  }
  if (address !== undefined && (/^(git|hg|svn|bzr)\+/.test(address) || hashes.length === 0)) {
    collected.fail(unlockedAddress(name, address, at));
    return;
  }
  const entry = { name, extras, specifier: versions, hashes, at };
  (constraints ? collected.constraints : collected.index).push({
    ...entry,
    ...defined({ version }),
    ...defined({ address }),
  });
}

interface NamedPath {
  readonly word: string;
  readonly marker: string | undefined;
  readonly hashes: readonly string[];
  readonly line: LogicalLine;
  readonly lead: number;
}

function readNamedPath(
  collected: Collected,
  { word, marker, hashes, line, lead }: NamedPath,
  folder: string,
): void {
  if (marker !== undefined) {
    const condition = parseRequirement(`x; ${marker}`);
    if (!condition.ok) {
      const offset = line.text.indexOf(marker) + condition.error.offset - 'x; '.length;
      collected.fail(notRequirement(condition.error.message, line.at(offset)));
      return;
    }
    if (!holds(condition.value.marker, markersOf(collected.environment))) return;
  }
  const { path, extras } = readPath(word, folder);
  addPath(collected, { path, extras, hashes, at: line.at(lead) });
}

function notRequirement(message: string, at: SourcePosition): Failure {
  return {
    code: 'recipe/requirement-syntax',
    what: `This is no requirement: ${message}.`,
    fix: [
      "Write it as pip reads it: `name[extra]>=1.2; python_version >= '3.10'`, or a path that begins with `./`.",
    ],
    at,
  };
}

function badHash(hash: string, at: SourcePosition): Failure {
  return {
    code: 'recipe/requirement-syntax',
    what: `\`${hash}\` is no digest that pip takes.`,
    fix: ['Write `sha256:` and 64 hexadecimal digits: `pip hash <file>` prints them.'],
    at,
  };
}

function unknownOption(text: string, at: SourcePosition): Failure {
  return {
    code: 'recipe/requirement-option',
    what: `The option \`${text.split(/[=\s]/)[0]}\` of a requirements file has no meaning here.`,
    why: 'Only wheels are installed, and nothing is compiled: options of a build cannot apply.',
    fix: [
      'Remove it. Options of an index belong into the configuration of pip, or into `--index-url`, `--find-links`, `--pre`.',
    ],
    at,
  };
}

function variable(at: SourcePosition): Failure {
  return {
    code: 'recipe/requirement-option',
    what: 'Variables of the environment are not filled in here.',
    fix: [
      'Set the index in the configuration of pip (`pip config set global.index-url …`) or in `PIP_INDEX_URL`.',
    ],
    at,
  };
}

function bareAddress(word: string, at: SourcePosition): Failure {
  return {
    code: 'recipe/requirement-address',
    what: `An address without the name of its package: \`${word}\`.`,
    fix: ['Write `name @ <address> --hash=sha256:…`, or download the wheel and give its path.'],
    at,
  };
}

function unlockedAddress(name: string, address: string, at: SourcePosition): Failure {
  const repository = /^(git|hg|svn|bzr)\+/.test(address);
  return {
    code: 'recipe/requirement-address',
    what: repository
      ? `\`${name}\` comes from a repository, which is not fetched here.`
      : `\`${name}\` comes from an address, and no digest says what is to be there.`,
    fix: repository
      ? [
          `Build it once and give the wheel by its path: \`pip wheel --no-deps '${name} @ ${address}'\`.`,
          'Or check it out beside the recipe and give the folder.',
        ]
      : [`Add \`--hash=sha256:…\` (\`pip hash <file>\`), or download the file and give its path.`],
    at,
  };
}
