import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Compression, TarStretch } from '../../archive/content.ts';
import { corrupt, Refusal, truncated, unsupported } from '../../archive/refusal.ts';

const MAGIC = '!<arch>\n';
const HEADER = 60;

const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  'data.tar.xz': 'xz',
  'data.tar.gz': 'gz',
  'data.tar.zst': 'zst',
  'data.tar': 'none',
};

const CONTROL = /^control\.tar(\.gz|\.xz|\.zst)?$/;

/**
 * Finds the data member of a `.deb`: an ar(5) archive of `debian-binary` (format 2), `control.tar*` and `data.tar*`,
 * in that order, with members whose names begin with `_` ignored. Source: deb(5). Throws `Refusal`.
 */
export function locateData(archive: string, file: string): TarStretch {
  const descriptor = openSync(file, 'r');
  try {
    const size = fstatSync(descriptor).size;
    if (read(descriptor, 0, MAGIC.length) !== MAGIC) {
      throw new Refusal(corrupt(archive, 'It is no Debian package: the mark of an ar archive is missing.'));
    }
    let sawVersion = false;
    let sawControl = false;
    for (let at = MAGIC.length; at < size; ) {
      const member = readMember(archive, descriptor, at);
      if (member.start + member.size > size) {
        throw new Refusal(
          truncated(archive, `Its member ${member.name} should be ${member.size} bytes long.`),
        );
      }
      const { name } = member;
      if (!sawVersion) checkVersion(archive, name, read(descriptor, member.start, Math.min(member.size, 8)));
      else if (!sawControl && CONTROL.test(name)) sawControl = true;
      else if (name.startsWith('data.tar') && sawControl) return dataOf(archive, file, member);
      else if (!name.startsWith('_')) {
        throw new Refusal(
          corrupt(archive, `Its member ${JSON.stringify(name)} is not where one of that name may be.`),
        );
      }
      sawVersion = true;
      at = afterMember(archive, descriptor, member);
    }
    throw new Refusal(truncated(archive, 'It has no data.tar member.'));
  } finally {
    closeSync(descriptor);
  }
}

interface Member {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

function readMember(archive: string, descriptor: number, at: number): Member {
  const header = read(descriptor, at, HEADER);
  if (header.length < HEADER) throw new Refusal(truncated(archive, 'It ends within the header of a member.'));
  if (header.slice(58) !== '`\n' || !/^\d+ *$/.test(header.slice(48, 58))) {
    throw new Refusal(corrupt(archive, `The header of a member at byte ${at} is not one of an ar archive.`));
  }
  return {
    name: header.slice(0, 16).replace(/\/? *$/, ''),
    start: at + HEADER,
    size: Number(header.slice(48, 58)),
  };
}

/** Members begin at even offsets; a line break fills the gap. */
function afterMember(archive: string, descriptor: number, { start, size, name }: Member): number {
  const end = start + size;
  if (size % 2 === 0) return end;
  if (read(descriptor, end, 1) !== '\n') {
    throw new Refusal(
      corrupt(archive, `Its member ${JSON.stringify(name)} does not end as one of an ar archive does.`),
    );
  }
  return end + 1;
}

function checkVersion(archive: string, name: string, content: string): void {
  if (name !== 'debian-binary') throw new Refusal(corrupt(archive, 'Its first member is not debian-binary.'));
  if (!/^2\.\d+\n/.test(content)) {
    throw new Refusal(
      unsupported(archive, `Its package format is ${JSON.stringify(content.trim())}, known is 2.0.`),
    );
  }
}

function dataOf(archive: string, file: string, member: Member): TarStretch {
  const compression = COMPRESSIONS[member.name];
  if (!compression) throw new Refusal(unsupported(archive, `Its files are packed as ${member.name}.`));
  return { range: { file, start: member.start, size: member.size }, compression };
}

/** Bytes as Latin-1 text, which keeps each byte; fewer at the end of the file. */
function read(descriptor: number, at: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, length, at));
}
