import { crc32 } from 'node:zlib';

/** A wheel: a zip archive of stored files (PKWARE's APPNOTE, 4.3), with what every wheel has (binary distribution format). */
export function makeWheel(name: string, tag: string, path: string, content: Buffer): Buffer {
  const info = `${name}-1.0.dist-info`;
  const files: Readonly<Record<string, Buffer>> = {
    [path]: content,
    [`${info}/METADATA`]: Buffer.from(`Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`),
    [`${info}/WHEEL`]: Buffer.from(
      `Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: ${tag}\n`,
    ),
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((file) => `${file},,\n`).join('');
  return zip({ ...files, [`${info}/RECORD`]: Buffer.from(record) });
}

function zip(files: Readonly<Record<string, Buffer>>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const path = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    // The first of January 1980, the earliest there is.
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const offsetField = Buffer.alloc(14);
    offsetField.writeUInt32LE(offset, 10);
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, content]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, offsetField, path]));
    bodies.push(body);
    offset += body.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...bodies, ...directory, Buffer.from('PK\x05\x06'), end]);
}
