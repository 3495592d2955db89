import { badName, corrupt, Refusal, unsupported } from './refusal.ts';

/** Keywords with one meaning for every reader: pax(1). Of others those of vendors (`VENDOR.keyword`) are left alone. */
const KEYWORDS = new Set([
  'path',
  'linkpath',
  'size',
  'mtime',
  'atime',
  'ctime',
  'uid',
  'gid',
  'uname',
  'gname',
  'comment',
]);
/** Of users and groups: `id_t` of Linux. */
export const LARGEST_ID = 0xffffffff;
const NAMES = ['path', 'linkpath'];
/** These make of an entry what its header does not say. */
const SPARSE = /^(GNU|SUN)\./;
const VENDOR = /^[A-Z][A-Za-z0-9_-]*\../;

/** What an extended header says of the entry after it, or of all (`forAll`). Throws `Refusal` where it is malformed. */
export function checkPaxRecords(
  archive: string,
  bytes: Buffer,
  forAll: boolean,
): { readonly size: number | undefined; readonly path: string | undefined } {
  const values = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const { length, key, value } = readRecord(archive, bytes.subarray(at));
    at += length;
    checkRecord(archive, key, value, forAll);
    if (values.has(key)) throw malformed(archive, `has ${JSON.stringify(key)} twice`);
    values.set(key, value);
  }
  const size = values.get('size');
  return { size: size === undefined ? undefined : Number(size), path: values.get('path') };
}

/** `<length> <key>=<value>\n`, where the length counts all of it. */
function readRecord(archive: string, bytes: Buffer) {
  const digits = /^[1-9]\d{0,6} /.exec(bytes.toString('latin1', 0, 8))?.[0];
  const length = Number(digits);
  if (digits === undefined || length > bytes.length || bytes[length - 1] !== 0x0a) {
    throw malformed(archive, 'has a record whose length is wrong');
  }
  const record = bytes.subarray(digits.length, length - 1);
  const equals = record.indexOf('=');
  if (equals < 1) throw malformed(archive, 'has a record without a keyword');
  const value = record.subarray(equals + 1);
  const text = value.toString();
  if (text.includes('\ufffd') || /[\0\n]/.test(text)) throw new Refusal(badName(archive, text));
  return { length, key: record.toString('latin1', 0, equals), value: text };
}

function checkRecord(archive: string, key: string, value: string, forAll: boolean): void {
  if (SPARSE.test(key) || !(KEYWORDS.has(key) || VENDOR.test(key))) {
    throw new Refusal(unsupported(archive, `It holds an extended header with ${JSON.stringify(key)}.`));
  }
  if (forAll && (NAMES.includes(key) || key === 'size')) {
    throw malformed(archive, `gives all entries the same ${key}`);
  }
  if (NAMES.includes(key) && value === '') throw malformed(archive, `has an empty ${key}`);
  if (key === 'size' && !(/^\d+$/.test(value) && Number.isSafeInteger(Number(value)))) {
    throw malformed(archive, 'has a size that is no number');
  }
  if ((key === 'uid' || key === 'gid') && !(/^\d{1,10}$/.test(value) && Number(value) <= LARGEST_ID)) {
    throw malformed(archive, `has a ${key} that is out of range or no number`);
  }
  if (key.endsWith('time') && KEYWORDS.has(key) && !/^-?\d{1,12}(\.\d*)?$/.test(value)) {
    throw malformed(archive, `has a time that is no number: ${JSON.stringify(key)}`);
  }
}

function malformed(archive: string, what: string): Refusal {
  return new Refusal(corrupt(archive, `An extended header ${what}.`));
}
