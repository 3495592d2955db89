import { open } from 'node:fs/promises';
import type { Range } from './content.ts';

const BLOCK = 512;

/**
 * Where the bytes of a file are in an archive that is not compressed: what is an archive itself can then be read in its place. Knows the headers of
 * tar(5) without extensions; undefined where no such file is found before the first header that it does not know.
 */
export async function findMember(archive: string, wanted: string): Promise<Range | undefined> {
  await using file = await open(archive);
  const { size: end } = await file.stat();
  const header = Buffer.alloc(BLOCK);
  for (let at = 0; at + BLOCK <= end; ) {
    await file.read(header, 0, BLOCK, at);
    const size = header.toString('latin1', 124, 136).replace(/[\0 ]+$/, '');
    if (header.toString('latin1', 257, 262) !== 'ustar' || !/^[0-7]+$/.test(size)) return undefined;
    const range = { file: archive, start: at + BLOCK, size: Number.parseInt(size, 8) };
    if (range.start + range.size > end) return undefined;
    const isFile = header[156] === 0x30;
    if (isFile && nameIn(header) === wanted) return range;
    at = range.start + Math.ceil(range.size / BLOCK) * BLOCK;
  }
  return undefined;
}

function nameIn(header: Buffer): string {
  const text = (from: number, to: number): string =>
    header.toString('latin1', from, to).replace(/\0.*$/s, '');
  const prefix = text(345, 500);
  return `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`.replace(/^\.\//, '');
}
