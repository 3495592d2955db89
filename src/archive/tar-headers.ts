import { checkPaxRecords, LARGEST_ID } from './pax-records.ts';
import { badName, corrupt, Refusal, tooLarge, truncated, unsupported } from './refusal.ts';

const BLOCK = 512;
const [BLANK, ZERO] = [0x20, 0x30];
/** As in the library; longer names and values are none of a package. Bytes. */
const LONGEST_METADATA = 1 << 20;
const ZEROS = Buffer.alloc(1 << 16);

/** Offset and length of the fields of a header: tar(5). */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  target: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
  star: [508, 4],
} as const;

type Field = keyof typeof FIELDS;

const POSIX = 'ustar\u000000';
const GNU = 'ustar  \0';
const BEFORE_POSIX = '\0'.repeat(8);

/** Type flags: tar(5). */
const [LONG_NAME, LONG_TARGET, PAX, PAX_OF_ALL] = ['L', 'K', 'x', 'g'];
const METADATA = [LONG_NAME, LONG_TARGET, PAX, PAX_OF_ALL];
const FILES = ['\0', '0', '7'];
const LINKS = ['1', '2'];
const FOLDER = '5';
const DEVICES = ['3', '4', '6'];

interface Header {
  readonly type: string;
  /** Bytes of content, as the header itself says. */
  readonly size: number;
}

/**
 * Follows the blocks of a tar archive and throws a `Refusal` at the first that is not written as tar(5) and pax(1)
 * have it. What other readers would pass over, correct or guess at is refused here, so that an archive has one reading
 * or none; the library that makes entries of the blocks sees only what has passed.
 */
export class TarHeaders {
  readonly #archive: string;
  /** A header or metadata that began in an earlier chunk. */
  #begun: Buffer[] = [];
  #missing = BLOCK;
  #reading: 'header' | 'metadata' | 'content' | 'end' = 'header';
  #header: Header | undefined;
  /** Type flags of metadata that belong to the next entry. */
  #pending: string[] = [];
  /** Size in the extended header of the next entry. */
  #sizeInPax: number | undefined;
  /** Name in metadata of the next entry. */
  #longName: string | undefined;
  #zeros = 0;

  constructor(archive: string) {
    this.#archive = archive;
  }

  check(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#reading === 'end') {
        this.#checkRest(chunk.subarray(at));
        return;
      }
      const piece = chunk.subarray(at, at + this.#missing);
      at += piece.length;
      this.#missing -= piece.length;
      if (this.#reading !== 'content') this.#begun.push(piece);
      if (this.#missing === 0) this.#next();
    }
  }

  /** Call after the last chunk. */
  end(): void {
    if (this.#zeros === 0 || this.#begun.length > 0) {
      const why =
        this.#reading === 'header' && this.#begun.length === 0
          ? 'The mark at the end of the tar archive is missing.'
          : 'The tar archive in it is cut off.';
      throw new Refusal(truncated(this.#archive, why));
    }
  }

  #next(): void {
    const bytes = this.#begun.length === 1 ? this.#begun[0] : Buffer.concat(this.#begun);
    this.#begun = [];
    if (this.#reading === 'header') this.#read(bytes as Buffer);
    else {
      if (this.#reading === 'metadata') this.#readMetadata(bytes as Buffer);
      this.#expectHeader();
    }
  }

  #expectHeader(): void {
    this.#reading = 'header';
    this.#missing = BLOCK;
  }

  #read(block: Buffer): void {
    if (isZero(block)) {
      if (this.#pending.length > 0) this.#refuse('Its last extended header belongs to no entry.');
      this.#zeros += 1;
      if (this.#zeros === 2) this.#reading = 'end';
      else this.#expectHeader();
      return;
    }
    if (this.#zeros > 0) this.#refuse('A single block of zeros is between its entries.');
    const header = this.#parse(block);
    this.#header = header;
    const size = METADATA.includes(header.type) ? header.size : this.#sizeOfEntry(header);
    this.#missing = Math.ceil(size / BLOCK) * BLOCK;
    if (this.#missing === 0) this.#expectHeader();
    else this.#reading = METADATA.includes(header.type) ? 'metadata' : 'content';
  }

  /** The entry ends what was pending for it. */
  #sizeOfEntry({ type, size }: Header): number {
    const declared = this.#sizeInPax ?? size;
    this.#sizeInPax = undefined;
    this.#longName = undefined;
    this.#pending = [];
    if (declared > 0 && !FILES.includes(type)) this.#refuse(`An entry of type ${quoted(type)} has content.`);
    return declared;
  }

  #parse(block: Buffer): Header {
    this.#checkSum(block);
    const type = text(block, 156, 1);
    const magic = field(block, 'magic');
    if (![POSIX, GNU, BEFORE_POSIX].includes(magic) || field(block, 'star') === 'tar\0') {
      throw new Refusal(
        unsupported(this.#archive, `It holds a header of an unknown format: ${quoted(magic)}.`),
      );
    }
    if (METADATA.includes(type)) this.#checkMetadata(type, block);
    else if (![...FILES, ...LINKS, FOLDER, ...DEVICES].includes(type)) {
      throw new Refusal(unsupported(this.#archive, `It holds an entry of type ${quoted(type)}.`));
    }
    this.#number(block, 'mode');
    for (const name of ['uid', 'gid', 'mtime'] as const) {
      if (isBlank(block, name)) continue;
      const value = this.#number(block, name);
      if (name !== 'mtime' && (value < 0 || value > LARGEST_ID)) {
        this.#refuse(`The ${name} in a header is out of range.`);
      }
    }
    this.#checkNames(type, block, magic === POSIX);
    const size = this.#number(block, 'size');
    if (size < 0 || !Number.isSafeInteger(size)) this.#refuse('The size in a header is out of range.');
    if (METADATA.includes(type) && size > LONGEST_METADATA) {
      throw new Refusal(tooLarge(this.#archive, field(block, 'name'), '1 MiB of extended header'));
    }
    return { type, size };
  }

  #checkSum(block: Buffer): void {
    let sum = 8 * 0x20;
    for (let at = 0; at < 148; at += 1) sum += block[at] as number;
    for (let at = 156; at < BLOCK; at += 1) sum += block[at] as number;
    if (this.#number(block, 'checksum') !== sum) this.#refuse('The checksum of a header is wrong.');
  }

  #checkMetadata(type: string, block: Buffer): void {
    if (this.#pending.includes(type) || (this.#pending.includes(PAX as string) && type !== PAX_OF_ALL)) {
      this.#refuse('One entry has several extended headers.');
    }
    if (type === PAX && this.#pending.length > 0) this.#refuse('One entry has several extended headers.');
    if (type !== PAX_OF_ALL) this.#pending.push(type);
    if (this.#number(block, 'size') === 0 && type !== PAX && type !== PAX_OF_ALL) {
      this.#refuse('A long name in it is empty.');
    }
  }

  #checkNames(type: string, block: Buffer, posix: boolean): void {
    const name = this.#name(block, 'name');
    const target = this.#name(block, 'target');
    if (posix) this.#name(block, 'prefix');
    if (name === '') this.#refuse('An entry has no name.');
    if (METADATA.includes(type)) return;
    if (LINKS.includes(type) !== (target !== '')) {
      this.#refuse(
        `${quoted(name)} ${target === '' ? 'is a link to nothing' : 'has a target and is no link'}.`,
      );
    }
    const shown = this.#longName ?? name;
    // For some readers it is a folder then, whose content is skipped or not.
    if (type !== FOLDER && shown.endsWith('/')) {
      this.#refuse(`${quoted(shown)} is no folder, and its name ends in a slash.`);
    }
  }

  /** The text of a field, which zeros fill up. */
  #name(block: Buffer, name: Field): string {
    const [at, length] = FIELDS[name];
    if (block[at] === 0 && isZero(block.subarray(at, at + length))) return '';
    const value = text(block, at, length);
    const end = value.indexOf('\0');
    if (end < 0) return value;
    if (!isZero(block.subarray(at + end, at + length))) throw new Refusal(badName(this.#archive, value));
    return value.slice(0, end);
  }

  #readMetadata(padded: Buffer): void {
    const { type, size } = this.#header as Header;
    const bytes = padded.subarray(0, size);
    if (type === LONG_NAME || type === LONG_TARGET) {
      if (bytes.indexOf(0) !== size - 1 || size === 1)
        throw new Refusal(badName(this.#archive, bytes.toString()));
      if (type === LONG_NAME) this.#longName = bytes.toString('utf8', 0, size - 1);
      return;
    }
    const records = checkPaxRecords(this.#archive, bytes, type === PAX_OF_ALL);
    if (type !== PAX) return;
    this.#sizeInPax = records.size;
    this.#longName = records.path;
  }

  /**
   * Octal digits, with blanks before and an end after them, or bytes in base 256 with the first bit set: tar(5). Of the
   * latter those below zero are of use for times alone.
   */
  #number(block: Buffer, name: Field): number {
    const [at, length] = FIELDS[name];
    const first = block[at] as number;
    if ((first === 0x80 || first === 0xff) && (name === 'size' || name === 'mtime' || name.endsWith('id'))) {
      const value = BigInt(`0x${block.toString('hex', at + 1, at + length)}`);
      return Number(first === 0x80 ? value : BigInt.asIntN(8 * (length - 1), value));
    }
    let [value, digits, next] = [0, 0, at];
    const end = at + length;
    while (next < end && block[next] === BLANK) next += 1;
    for (; next < end && isOctal(block[next] as number); next += 1, digits += 1) {
      value = value * 8 + (block[next] as number) - ZERO;
    }
    while (next < end && (block[next] === BLANK || block[next] === 0)) next += 1;
    if (digits === 0 || next < end) this.#refuse(`The field ${name} of a header is no number.`);
    return value;
  }

  #refuse(why: string): never {
    throw new Refusal(corrupt(this.#archive, why));
  }

  /** What comes after the end is not part of the archive for some readers, and for others it is. */
  #checkRest(rest: Buffer): void {
    if (!isZero(rest)) this.#refuse('Something comes after the end of the tar archive in it.');
  }
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false;
  }
  return true;
}

function isOctal(byte: number): boolean {
  return byte >= ZERO && byte < ZERO + 8;
}

function isBlank(block: Buffer, name: Field): boolean {
  return /^[ \0]*$/.test(field(block, name));
}

function field(block: Buffer, name: Field): string {
  const [at, length] = FIELDS[name];
  return text(block, at, length);
}

/** Latin-1, which keeps each byte. */
function text(block: Buffer, at: number, length: number): string {
  return block.toString('latin1', at, at + length);
}

function quoted(value: string): string {
  return JSON.stringify(value);
}
