import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';

/** One entry of a tar archive, written as given: nothing is checked, so that hostile ones can be made. */
export interface TarPart {
  /** Bytes where it is not to be UTF-8. */
  readonly name: string | Buffer;
  /** Type flag of tar(5): `0` file, `1` hard link, `2` symbolic link, `3` character device, `5` folder, … */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly link?: string | Buffer;
  readonly mode?: number;
  /** Seconds since the epoch. */
  readonly mtime?: number;
  /** As the header has it; absent: the length of the content. */
  readonly size?: number;
  /** How a name of more than 100 bytes is written; absent: cut to 100. */
  readonly long?: 'gnu' | 'pax';
}

export const MTIME = 1_600_000_000;

export function file(
  name: string | Buffer,
  content: string | Uint8Array = name,
  more: Partial<TarPart> = {},
): TarPart {
  return { name, type: '0', content, ...more };
}

export function folder(name: string, more: Partial<TarPart> = {}): TarPart {
  return { name, type: '5', mode: 0o755, ...more };
}

export function symlink(name: string, link: string | Buffer, more: Partial<TarPart> = {}): TarPart {
  return { name, type: '2', link, mode: 0o777, ...more };
}

export function hardLink(name: string, link: string, more: Partial<TarPart> = {}): TarPart {
  return { name, type: '1', link, ...more };
}

/** A tar archive of these entries with the two blocks of zeros at its end. */
export function tar(parts: readonly TarPart[]): Buffer {
  return Buffer.concat([...parts.map(entry), Buffer.alloc(1024)]);
}

function entry(part: TarPart): Buffer {
  const content = Buffer.from(part.content ?? '');
  return Buffer.concat([longNames(part), header(part, part.size ?? content.length), padded(content)]);
}

function longNames({ long, name, link }: TarPart): Buffer {
  if (long === 'gnu') {
    const parts: Buffer[] = [];
    for (const [type, text] of [['L', name] as const, ['K', link] as const]) {
      if (text === undefined) continue;
      const content = Buffer.concat([Buffer.from(text), Buffer.alloc(1)]);
      parts.push(header({ name: '././@LongLink', type }, content.length), padded(content));
    }
    return Buffer.concat(parts);
  }
  if (long === 'pax') {
    const records = [record('path', name), ...(link === undefined ? [] : [record('linkpath', link)])];
    const content = Buffer.concat(records);
    return Buffer.concat([header({ name: 'PaxHeaders/x', type: 'x' }, content.length), padded(content)]);
  }
  return Buffer.alloc(0);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits: pax(1). */
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(part: TarPart, size: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  Buffer.from(part.name).copy(block, 0, 0, 100);
  octal(part.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(part.mtime ?? MTIME, 136, 12);
  block.fill(' ', 148, 156);
  block.write(part.type ?? '0', 156, 'latin1');
  Buffer.from(part.link ?? '').copy(block, 157, 0, 100);
  block.write('ustar\u000000', 257, 'latin1');
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export type DebCompression = 'xz' | 'gz' | 'zst' | 'none';

const ENDINGS: Readonly<Record<DebCompression, string>> = { xz: '.xz', gz: '.gz', zst: '.zst', none: '' };

export function compress(data: Uint8Array, compression: DebCompression): Buffer {
  switch (compression) {
    case 'xz':
      return execFileSync('xz', ['-c', '-0'], { input: data, maxBuffer: 1 << 28 });
    case 'gz':
      return gzipSync(data);
    case 'zst':
      return zstdCompressSync(data);
    case 'none':
      return Buffer.from(data);
  }
}

/** An ar(5) archive. */
export function ar(members: readonly (readonly [name: string, content: Uint8Array])[]): Buffer {
  const parts = members.flatMap(([name, content]) => [
    Buffer.from(`${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`),
    Buffer.from(`${String(content.length).padEnd(10)}\`\n`),
    content,
    Buffer.from(content.length % 2 === 1 ? '\n' : ''),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** A `.deb` around the bytes of a data archive, compressed or not: deb(5). */
export function debAround(data: Uint8Array, compression: DebCompression = 'xz'): Buffer {
  const control = gzipSync(tar([file('./control', 'Package: test\nVersion: 1\nArchitecture: all\n')]));
  return ar([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', control],
    [`data.tar${ENDINGS[compression]}`, data],
  ]);
}

/** Writes a real `.deb` of these entries. */
export function writeDeb(path: string, parts: readonly TarPart[], compression: DebCompression = 'xz'): void {
  writeFileSync(path, debAround(compress(tar(parts), compression), compression));
}
