import type { Failure } from '../failure.ts';
import { countsUntil, type Key, openEnvelope, STATEMENT_TYPE, unbundled } from './envelope.ts';
import {
  buildTypeOf,
  earliestTime,
  hexOf,
  isOurBuildType,
  readStatement,
  type Statement,
} from './statement.ts';

/** A statement as it was found, and who signed it. */
export interface Stated {
  readonly statement: Statement;
  /** Name of the key; absent: it is not signed. */
  readonly by?: string;
}

export interface StatementFile {
  /** As the user knows it. */
  readonly file: string;
  readonly text: string;
  /** In an envelope, or in a bundle of Sigstore's. */
  readonly signed: boolean;
}

/** Reads a statement; where keys are trusted, one of them must have signed it. The failure is what is wrong with it. */
export function readStated(
  { file, text, signed }: StatementFile,
  trusted: readonly Key[],
  now = Date.now(),
): Stated | Failure {
  if (!signed) {
    if (trusted.length > 0) return notSigned(file);
    const statement = readStatement(text);
    return statement === undefined ? unreadable(file, text) : { statement };
  }
  const opened = openEnvelope(unbundled(text), trusted, STATEMENT_TYPE, now);
  if (opened.kind === 'unreadable') return unreadable(file, '');
  if (opened.kind === 'wrong-signature') return wrongSignature(file, opened.by);
  if (opened.kind === 'expired-key') return expiredKey(file, opened.by, opened.expires);
  if (opened.kind === 'unknown-key') return unknownKey(file, opened.by, trusted);
  const statement = readStatement(opened.payload);
  if (statement === undefined) return unreadable(file, opened.payload);
  const signer = trusted.find(({ id }) => id === opened.by);
  return signer?.expires !== undefined && earliestTime(statement) > now
    ? clockBehind(file, opened.by, earliestTime(statement), now)
    : { statement, by: opened.by };
}

/** What is wrong with a file, by the statement about it. */
export function otherFile(
  statement: Statement,
  subject: { readonly name: string; readonly digest: string; readonly given: string },
): Failure | undefined {
  const digest = hexOf(subject.digest);
  if (statement.subject.some((one) => one.digest.sha256 === digest)) return undefined;
  const named = statement.subject.find(({ name }) => name === subject.name);
  const names = statement.subject.map(({ name }) => name).join(', ');
  return {
    code: 'archive/other-statement',
    what:
      named === undefined
        ? `The statement is about another file: ${names}.`
        : `${subject.given} is not the file that the statement is about.`,
    why:
      named === undefined
        ? `Nothing in it has the digest of ${subject.given}, sha256:${digest}.`
        : `Its digest is sha256:${digest}; the statement says sha256:${named.digest.sha256}. It was changed, or is of another build.`,
    fix: ['Get file and statement again, from the same place.'],
  };
}

/** What is wrong with the documents of a program, by the statement, which has to name all of `names`: file name → digest. */
export function otherDocuments(
  statement: Statement,
  names: readonly string[],
  documents: Readonly<Record<string, string>>,
): Failure | undefined {
  const { byproducts } = statement.predicate.runDetails;
  const missing = names.filter(
    (name) => !byproducts.some((one) => one.name === name && one.digest?.sha256 !== undefined),
  );
  if (missing.length > 0) return incomplete(missing);
  const wrong = byproducts.find(
    ({ name = '', digest }) => digest !== undefined && hexOf(documents[name] ?? '') !== digest.sha256,
  );
  if (wrong === undefined) return undefined;
  const found = documents[wrong.name ?? ''];
  return {
    code: 'archive/other-sbom',
    what: `The bill of materials in the program is not the one that the statement names: ${wrong.name}.`,
    why:
      found === undefined
        ? 'The program has none.'
        : `Its digest is sha256:${hexOf(found)}; the statement says sha256:${wrong.digest?.sha256}.`,
    fix: ['Get the original file again.'],
  };
}

/** What a statement does not say agrees with nothing. */
function incomplete(missing: readonly string[]): Failure {
  return {
    code: 'archive/incomplete-statement',
    what: `The statement names no digest of ${missing.join(' and ')}.`,
    why: 'Whether the bill of materials in the program is that of the build cannot be told; provision states it of every bundle.',
    fix: ['Get the original statement again, from where the file is from.'],
  };
}

function unreadable(file: string, text: string): Failure {
  const type = buildTypeOf(text);
  if (type !== undefined && isOurBuildType(type)) return otherVersion(file, type);
  return {
    code: 'archive/bad-statement',
    what: `${file} is no statement of provenance that provision made.`,
    why:
      type === undefined
        ? 'It is damaged, or of another kind (read are in-toto statements 1 with SLSA provenance 1, in DSSE envelopes, in bundles of Sigstore, or without).'
        : `It is a statement of another builder's, on "${type}", or damaged.`,
    fix: ['Get the file again from where the bundle is from.'],
  };
}

function otherVersion(file: string, type: string): Failure {
  return {
    code: 'archive/other-version',
    what: `${file} cannot be read by this version of provision.`,
    why: `Another version wrote it, in another form ("${type}"), or it is damaged: what it says of the build cannot be compared.`,
    fix: ['Use the version of provision that the bundle was built with, or a newer one.'],
  };
}

/** A clock in the past would take an expired key for a good one. */
function clockBehind(file: string, by: string, earliest: number, now: number): Failure {
  const [then, here] = [earliest, now].map((time) => new Date(time).toISOString());
  return {
    code: 'archive/clock',
    what: `By the clock of this machine, ${file} is of the future.`,
    why: `What went into the build is of ${then}, and the clock says ${here}: whether the key ${by}, which has an end, still counts cannot be told.`,
    fix: ['Set the clock: `date`.'],
  };
}

function notSigned(file: string): Failure {
  return {
    code: 'archive/not-signed',
    what: `${file} is not signed.`,
    why: 'Keys are given, and anybody can write a statement without a signature.',
    fix: ['Get the signed statement (`….intoto.jsonl`).', 'Leave out the keys to compare digests alone.'],
  };
}

function wrongSignature(file: string, by: string): Failure {
  return {
    code: 'archive/bad-signature',
    what: `The signature of ${file} is wrong.`,
    why: `It names the key ${by}, which did not make it: statement or signature were changed.`,
    fix: ['Do not use what it is about, and tell who published it.'],
  };
}

function expiredKey(file: string, by: string, expires: number): Failure {
  return {
    code: 'archive/expired-key',
    what: `${file} is signed by a key that has expired: ${by}.`,
    why: `By the file of the key it counts ${countsUntil(expires)}, and a signature does not show when it was made.`,
    fix: [
      'Get a statement that is signed by the key that is in use now.',
      'If you still trust the key, write a later date into its file, in the line `Expires:`.',
    ],
  };
}

function unknownKey(file: string, by: readonly string[], trusted: readonly Key[]): Failure {
  return {
    code: 'archive/unknown-key',
    what: `${file} is signed by a key that is not trusted here: ${by.join(', ')}.`,
    why:
      trusted.length === 0
        ? 'No key is given to compare with.'
        : `Trusted are ${trusted.map(({ id }) => id).join(', ')}.`,
    fix: [
      'Get the public key from its owner, and name it: `--key <file>`, or `PROVISION_TRUSTED_KEYS`.',
      'If you expected another key, do not use what it is about.',
    ],
  };
}
