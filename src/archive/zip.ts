import { crc32 } from 'node:zlib';

export interface ZipEntry {
  /** Path with `/`, relative. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** 1980-01-01 00:00, the first moment the format knows. */
const DATE = 0x0021;

/**
 * A zip archive of files that are stored as they are: no compression, one time for all, in the order given. Its bytes
 * depend on names and contents alone. Format: APPNOTE.TXT of PKWARE, 4.3; sizes below 4 GiB, at most 65535 entries.
 */
export function storedZip(entries: readonly ZipEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const path = Buffer.from(name, 'utf8');
    const common = commonFields(path, bytes);
    const local = Buffer.concat([signature(0x04034b50), common, path]);
    parts.push(local, bytes);
    // Version and system of the writer before, comment, disk, attributes and place behind the fields both have.
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([signature(0x02014b50), Buffer.from([20, 0]), common, tail, path]));
    offset += local.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Version needed, flags (bit 11: names are UTF-8), method 0, time, date, CRC, both sizes, length of name and extra field. */
function commonFields(path: Uint8Array, bytes: Uint8Array): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(0x0800, 2);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc32(bytes), 10);
  fields.writeUInt32LE(bytes.length, 14);
  fields.writeUInt32LE(bytes.length, 18);
  fields.writeUInt16LE(path.length, 22);
  return fields;
}
