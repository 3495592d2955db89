// Statements about a small bundle, and everything that somebody may have done to it, to its program, or to the statement.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import { rebuiltOutcome } from '../../src/commands/verify.ts';
import type { Rebuilt } from '../../src/pipeline/rebuild.ts';
import { bundleOf, type Key, readPrivateKey, readPublicKey, seal } from '../../src/provenance/envelope.ts';
import { type ProvenanceInput, readStatement, statementOf } from '../../src/provenance/statement.ts';
import { readStated } from '../../src/provenance/verify.ts';
import { readElfSection } from '../../src/sbom/elf-sections.ts';
import { embedSbom } from '../../src/sbom/embed.ts';
import { type CliRun, provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { makeElf } from '../support/elf.ts';

const DOCUMENTS = {
  cyclonedx: `${JSON.stringify({ bomFormat: 'CycloneDX', components: [{ name: 'pyo3', version: '1' }] })}\n`,
  spdx: '{"spdxVersion":"SPDX-2.3"}\n',
};
const CRATES = [
  { name: 'app', version: '1.0.0', kind: 'runtime', dependencies: [], root: true, texts: {} },
] as const;

const pair = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const pem = (key: KeyObject): string =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }) as string;

function digestOf(bytes: Buffer | string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface Made {
  readonly folder: string;
  readonly bundle: string;
  readonly program: string;
  readonly statement: string;
  readonly key: string;
}

/** Files of the bundle that are other than they should be. */
interface Changes {
  readonly program?: (program: Buffer) => Buffer;
  readonly beside?: string;
  readonly documents?: ProvenanceInput['documents'];
  readonly stated?: Partial<ProvenanceInput>;
}

/** A bundle, its program beside it, its statement (not yet written) and the public key. */
function makeBundle(t: TestContext, changes: Changes = {}): Made {
  const folder = temporaryFolder(t, 'provision verify ü ');
  const home = join(folder, 'app-target');
  const documents = join(home, 'share', 'doc', 'app');
  mkdirSync(join(home, 'bin'), { recursive: true });
  mkdirSync(documents, { recursive: true });
  const made = embedSbom(makeElf({ machine: 62 }), CRATES, DOCUMENTS);
  assert.ok(made !== undefined);
  const bytes = changes.program?.(made) ?? made;
  writeFileSync(join(home, 'bin', 'app'), bytes);
  writeFileSync(join(folder, 'app'), bytes);
  writeFileSync(join(documents, 'sbom.cdx.json'), changes.beside ?? DOCUMENTS.cyclonedx);
  writeFileSync(join(documents, 'sbom.spdx.json'), DOCUMENTS.spdx);
  const manifest = { schema: 1, program: { file: 'bin/app', digest: digestOf(bytes) }, target: 'target' };
  writeFileSync(join(home, 'bundle.json'), JSON.stringify(manifest));
  const bundle = join(folder, 'app.tar.gz');
  execFileSync('tar', ['-C', folder, '-czf', bundle, 'app-target']);
  const subjects = [
    { name: 'app.tar.gz', digest: digestOf(readFileSync(bundle)) },
    { name: 'app', digest: digestOf(bytes) },
  ];
  const statement = JSON.stringify(
    statementOf({
      ...{ subjects, environment: {}, command: [], sourceDateEpoch: 0, dependencies: [], provision: '0' },
      parameters: { recipe: 'app', target: 'target', project: {} },
      ...changes.stated,
      documents: changes.documents ?? {
        'sbom.cdx.json': digestOf(DOCUMENTS.cyclonedx),
        'sbom.spdx.json': digestOf(DOCUMENTS.spdx),
      },
    }),
  );
  const key = join(folder, 'release.pub');
  writeFileSync(key, pem(pair.publicKey));
  return { folder, bundle, program: join(folder, 'app'), statement, key };
}

function signed(text: string, key: KeyObject = pair.privateKey): string {
  const read = readPrivateKey(pem(key));
  assert.ok(read);
  return seal(text, read);
}

function verify(made: Made, ...args: readonly string[]): Promise<CliRun> {
  return provision(['verify', ...args], { store: join(made.folder, 'store') });
}

function assertFailure(run: CliRun, code: string, words: RegExp): void {
  assert.equal(run.status, code.startsWith('usage') ? 2 : 4, run.stdout + run.stderr);
  assert.match(run.stderr, new RegExp(`error\\[${code}\\]`));
  assert.match(run.stderr.replaceAll(/\s+/g, ' '), words);
}

test('one line says what was found: for a bundle, for its program alone, signed or not', async (t) => {
  const made = makeBundle(t);
  writeFileSync(`${made.bundle}.intoto.json`, made.statement);
  const plain = await verify(made, made.bundle);
  assert.equal(plain.status, 0, plain.stderr);
  assert.equal(
    plain.stdout,
    `${made.bundle}: digest, statement and bill of materials (1 component) agree; not signed; built from the recipe app for target.\n`,
  );
  const envelope = join(made.folder, 'any.intoto.jsonl');
  writeFileSync(envelope, signed(made.statement));
  const alone = await verify(made, made.program, '--statement', envelope, '--key', made.key, '--json');
  assert.equal(alone.status, 0, alone.stderr);
  assert.equal(JSON.parse(alone.stdout).signedBy, readPublicKey(pem(pair.publicKey))?.id);
  const byVariable = await provision(['verify', made.program, '--statement', envelope], {
    store: join(made.folder, 'store'),
    env: { PROVISION_TRUSTED_KEYS: made.key },
  });
  assert.equal(byVariable.status, 0, byVariable.stderr);
});

test('a bundle or program that was changed is not the one of the statement', async (t) => {
  const made = makeBundle(t);
  writeFileSync(`${made.bundle}.intoto.json`, made.statement);
  const program = readFileSync(made.program);
  // What `strip` or an attacker would take away.
  const at = program.indexOf(readElfSection(program, '.sbom.cdx') as Buffer);
  program[at + 20] = (program[at + 20] ?? 0) ^ 1;
  writeFileSync(made.program, program);
  const changed = await verify(made, made.program, '--statement', `${made.bundle}.intoto.json`);
  assertFailure(changed, 'archive/other-statement', /app is not the file that the statement is about/);
  writeFileSync(made.bundle, Buffer.concat([readFileSync(made.bundle), Buffer.from([0])]));
  assertFailure(
    await verify(made, made.bundle),
    'archive/other-statement',
    /It was changed, or is of another build/,
  );
});

test('a statement about another file', async (t) => {
  const made = makeBundle(t);
  const foreign = join(made.folder, 'foreign');
  writeFileSync(foreign, makeElf({ machine: 40 }));
  writeFileSync(`${foreign}.intoto.json`, made.statement);
  assertFailure(
    await verify(made, foreign),
    'archive/other-statement',
    /The statement is about another file: app\.tar\.gz, app\./,
  );
});

test('a program without its sections, or with others, though its digest is the stated one', async (t) => {
  const none = makeBundle(t, { program: () => makeElf({ machine: 62 }) });
  writeFileSync(`${none.bundle}.intoto.json`, none.statement);
  assertFailure(await verify(none, none.bundle), 'archive/no-sbom', /app has no bill of materials inside/);
  const others = makeBundle(t, {
    documents: { 'sbom.cdx.json': digestOf('another'), 'sbom.spdx.json': digestOf(DOCUMENTS.spdx) },
  });
  writeFileSync(`${others.bundle}.intoto.json`, others.statement);
  assertFailure(
    await verify(others, others.bundle),
    'archive/other-sbom',
    /not the one that the statement names: sbom\.cdx\.json/,
  );
  const beside = makeBundle(t, { beside: '{"components":[]}' });
  writeFileSync(`${beside.bundle}.intoto.json`, beside.statement);
  assertFailure(
    await verify(beside, beside.bundle),
    'archive/other-sbom',
    /sbom\.cdx\.json in the bundle is not the one that its program has inside/,
  );
});

test('what a statement leaves out does not agree', async (t) => {
  const digests = {
    'sbom.cdx.json': digestOf(DOCUMENTS.cyclonedx),
    'sbom.spdx.json': digestOf(DOCUMENTS.spdx),
  } as const;
  for (const [documents, words] of [
    [{}, /names no digest of sbom\.cdx\.json and sbom\.spdx\.json/],
    [{ 'sbom.spdx.json': digests['sbom.spdx.json'] }, /names no digest of sbom\.cdx\.json\./],
    [{ ...digests, 'sbom.spdx.json': undefined as never }, /names no digest of sbom\.spdx\.json\./],
  ] as const) {
    const made = makeBundle(t);
    const value = JSON.parse(made.statement) as { predicate: { runDetails: { byproducts: object } } };
    value.predicate.runDetails.byproducts = Object.entries(documents).map(([name, digest]) => ({
      name,
      ...(digest === undefined ? {} : { digest: { sha256: digest.slice('sha256:'.length) } }),
    }));
    writeFileSync(`${made.bundle}.intoto.json`, JSON.stringify(value));
    assertFailure(await verify(made, made.bundle), 'archive/incomplete-statement', words);
  }
  // What is not opened is not compared, and the line says so.
  const made = makeBundle(t);
  const other = join(made.folder, 'other');
  writeFileSync(other, 'no program');
  const subjects = [{ name: 'other', digest: digestOf('no program') }];
  writeFileSync(`${other}.intoto.json`, makeBundle(t, { stated: { subjects } }).statement);
  const run = await verify(made, other);
  assert.equal(run.status, 0, run.stderr);
  assert.match(
    run.stdout,
    /digest, statement \(its bill of materials is not compared: it is not opened here\) agree;/,
  );
});

test('an unknown key, a wrong signature, a changed payload, and no signature where keys are given', async (t) => {
  const made = makeBundle(t);
  const envelope = `${made.bundle}.intoto.jsonl`;
  writeFileSync(envelope, signed(made.statement));
  assertFailure(await verify(made, made.bundle), 'archive/unknown-key', /No key is given to compare with/);
  const foreign = join(made.folder, 'foreign.pub');
  writeFileSync(foreign, pem(other.publicKey));
  assertFailure(
    await verify(made, made.bundle, '--key', foreign),
    'archive/unknown-key',
    /Trusted are [0-9a-f]{64}/,
  );
  // Somebody names our key, and signs with another.
  const forged = JSON.parse(signed(made.statement, other.privateKey));
  forged.signatures[0].keyid = readPublicKey(pem(pair.publicKey))?.id;
  writeFileSync(envelope, JSON.stringify(forged));
  assertFailure(
    await verify(made, made.bundle, '--key', made.key),
    'archive/bad-signature',
    /which did not make it/,
  );
  const swapped = JSON.parse(signed(made.statement));
  swapped.payload = Buffer.from(made.statement.replace('"app"', '"ape"')).toString('base64');
  writeFileSync(envelope, JSON.stringify(swapped));
  assertFailure(await verify(made, made.bundle, '--key', made.key), 'archive/bad-signature', /were changed/);
  const plain = join(made.folder, 'plain.intoto.json');
  writeFileSync(plain, made.statement);
  assertFailure(
    await verify(made, made.bundle, '--statement', plain, '--key', made.key),
    'archive/not-signed',
    /anybody can write a statement/,
  );
});

test('no statement, one that is none, and a key that is none', async (t) => {
  const made = makeBundle(t);
  assertFailure(await verify(made, made.bundle), 'archive/no-statement', /no statement beside/);
  for (const text of ['', '[]', '{"_type":"https://in-toto.io/Statement/v1"}', 'null', '{"subject":[null]}'])
    assert.equal(readStatement(text), undefined, text);
  writeFileSync(`${made.bundle}.intoto.json`, '[]');
  assertFailure(await verify(made, made.bundle), 'archive/bad-statement', /is no statement of provenance/);
  const rsa = join(made.folder, 'rsa.pub');
  writeFileSync(rsa, pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey));
  assertFailure(await verify(made, made.bundle, '--key', rsa), 'usage/key', /no such key in PEM/);
  assertFailure(await verify(made, made.bundle, '--key', '/nowhere.pub'), 'usage/key', /cannot be read/);
  assertFailure(
    await verify(made, made.folder),
    'usage/not-a-bundle',
    /is a folder, and what a statement states/,
  );
});

test('what building it again came to is in the JSON, equal or not', (t) => {
  const context = testContext({ home: REPOSITORY });
  const statement = readStatement(makeBundle(t).statement);
  assert.ok(statement);
  const input = { path: '/a.tar.gz', given: 'a.tar.gz', digest: 'sha256:0', statement };
  const checked = { text: 'a.tar.gz: agree.\n', json: { schema: 1, digest: 'sha256:0' } };
  const common = { engine: { name: 'namespace', version: '1', detail: '' }, ms: 1200 } as const;
  const equal: Rebuilt = { equal: true, digest: 'sha256:0', differences: [], ...common };
  assert.deepEqual(rebuiltOutcome(context, checked, input, equal), {
    text: 'a.tar.gz: agree.\na.tar.gz: built again, and every byte is the same.\n',
    json: { schema: 1, digest: 'sha256:0', rebuild: equal },
  });
  const differences = [
    { file: 'bin/app', section: '.text' },
    { file: 'b', how: 'only in the given one' },
  ];
  const other: Rebuilt = { equal: false, digest: 'sha256:1', differences, ...common };
  const { text, json, failure } = rebuiltOutcome(context, checked, input, other);
  assert.equal(text, checked.text);
  assert.deepEqual(json, { ...checked.json, rebuild: other });
  assert.equal(failure?.code, 'archive/not-reproduced');
  assert.deepEqual(failure?.evidence, ['bin/app: section .text', 'b: only in the given one']);
});

test('the signature of a text is the same each time, and another by another key', () => {
  assert.equal(signed('{}'), signed('{}'));
  assert.notEqual(signed('{}'), signed('{}', other.privateKey));
});

test('Sigstore’s own verifier takes the bundle with the key, and none that was changed; so does verify', async (t) => {
  const made = makeBundle(t);
  const key = readPrivateKey(pem(pair.privateKey));
  assert.ok(key);
  const text = bundleOf(signed(made.statement), key);
  const verifier = new Verifier(
    {
      ...{ certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] },
      publicKey: (hint) => {
        assert.equal(hint, key.id);
        return { publicKey: pair.publicKey, validFor: () => true };
      },
    },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  );
  const verifies = (bundle: string): unknown =>
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
  verifies(text);
  const changed = JSON.parse(text);
  changed.dsseEnvelope.payload = Buffer.from(made.statement.replace('"app"', '"ape"')).toString('base64');
  assert.throws(() => verifies(JSON.stringify(changed)), /signature/);
  const file = `${made.bundle}.sigstore.json`;
  writeFileSync(file, text);
  // Beside the bundle, and named.
  for (const args of [[made.bundle], [made.program, '--statement', file]]) {
    const run = await verify(made, ...args, '--key', made.key);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, new RegExp(`agree; signed by ${key.id};`));
  }
  writeFileSync(file, JSON.stringify(changed));
  assertFailure(await verify(made, made.bundle, '--key', made.key), 'archive/bad-signature', /were changed/);
  // One that is signed by a certificate, as in GitHub Actions, is not taken for one by a key.
  const { publicKey: _, ...material } = changed.verificationMaterial;
  const keyless = { ...changed, verificationMaterial: { ...material, certificate: { rawBytes: '' } } };
  writeFileSync(
    file,
    JSON.stringify({ ...keyless, dsseEnvelope: { ...keyless.dsseEnvelope, signatures: [{ sig: '' }] } }),
  );
  assertFailure(await verify(made, made.bundle, '--key', made.key), 'archive/unknown-key', /without a name/);
});

test('a statement in the form of another version of provision, or of another builder', async (t) => {
  const made = makeBundle(t);
  const file = `${made.bundle}.intoto.json`;
  writeFileSync(file, made.statement.replace('urn:provision:recipe:1', 'urn:provision:recipe:2'));
  assertFailure(
    await verify(made, made.bundle),
    'archive/other-version',
    /Another version wrote it, in another form \("urn:provision:recipe:2"\)/,
  );
  writeFileSync(file, made.statement.replace('urn:provision:recipe:1', 'urn:somebody:workflow'));
  assertFailure(
    await verify(made, made.bundle),
    'archive/bad-statement',
    /another builder's, on "urn:somebody/,
  );
  // The form is the same: it can be checked, whichever version built it.
  const other = makeBundle(t, { stated: { provision: '99.0.0' } });
  writeFileSync(`${other.bundle}.intoto.json`, other.statement);
  const run = await verify(other, other.bundle, '--json');
  assert.equal(run.status, 0, run.stderr);
  assert.equal(JSON.parse(run.stdout).builder.version.provision, '99.0.0');
});

test('no statement that is half one ends as a bug', async (t) => {
  const made = makeBundle(t);
  const file = `${made.bundle}.intoto.json`;
  for (const spoil of [
    (one: Spoiled) => Object.assign(one.predicate, { buildDefinition: null }),
    (one: Spoiled) => Object.assign(one.predicate, { runDetails: null }),
    (one: Spoiled) => Object.assign(one.predicate.buildDefinition, { externalParameters: null }),
    (one: Spoiled) => Object.assign(one.predicate.buildDefinition, { resolvedDependencies: [null] }),
    (one: Spoiled) => Object.assign(one.predicate.runDetails, { byproducts: [{ digest: 'none' }, 1] }),
    (one: Spoiled) => Object.assign(one.predicate.runDetails, { builder: {} }),
    (one: Spoiled) => Object.assign(one.predicate.buildDefinition, { internalParameters: {} }),
    (one: Spoiled) => Object.assign(one, { subject: [{ name: 'app', digest: null }] }),
  ]) {
    const value = JSON.parse(made.statement) as Spoiled;
    spoil(value);
    writeFileSync(file, JSON.stringify(value));
    const run = await verify(made, made.bundle);
    assert.equal(run.status, 4, `${spoil}: ${run.stderr}`);
    assert.match(run.stderr, /error\[archive\/(?:bad-statement|other-version)\]/, String(spoil));
  }
});

test('no envelope that is half one ends as a bug, and its names of keys are shown in part', async (t) => {
  const made = makeBundle(t);
  const envelope = JSON.parse(signed(made.statement)) as object;
  const withSignatures = (signatures: unknown): Promise<CliRun> => {
    writeFileSync(`${made.bundle}.intoto.jsonl`, JSON.stringify({ ...envelope, signatures }));
    return verify(made, made.bundle, '--key', made.key);
  };
  for (const signatures of [null, [null], [1], [{}], [{ sig: 'x', keyid: {} }]])
    assertFailure(await withSignatures(signatures), 'archive/bad-statement', /is no statement/);
  const nameless = [
    { sig: 'x', keyid: '' },
    { sig: 'x', keyid: null },
  ];
  assertFailure(
    await withSignatures(nameless),
    'archive/unknown-key',
    /not trusted here:\s+without a name\./,
  );
  const many = Array.from({ length: 2000 }, (_, i) => ({
    sig: 'x',
    keyid: `${i}\nerror: ${'k'.repeat(9999)}`,
  }));
  const run = await withSignatures(many);
  assertFailure(run, 'archive/unknown-key', /1997 more/);
  assert.ok(run.stderr.length < 2000, `${run.stderr.length} characters`);
  assert.doesNotMatch(run.stderr, /^error: k/m);
});

test('a statement that nobody signed cannot end the line that is printed, and forge another one', async (t) => {
  const forged = 'x for y.\n\u001b[2Kother.tar.gz: digest and statement agree; signed by all';
  const made = makeBundle(t, { stated: { parameters: { recipe: forged, target: 'target', project: {} } } });
  writeFileSync(`${made.bundle}.intoto.json`, made.statement);
  const run = await verify(made, made.bundle);
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^[^\n]*not signed; built from the recipe x for y\. [^\n]*\n$/);
});

test('what is neither a file nor a folder is not read', async (t) => {
  const folder = temporaryFolder(t);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const command of ['verify', 'sbom', 'inspect']) {
    const run = await provision([command, pipe], { cwd: folder });
    assertFailure(run, 'usage/not-a-bundle', /a pipe or a device/);
  }
});

interface Spoiled {
  readonly predicate: { readonly buildDefinition: object; readonly runDetails: object };
}

test('with a clock in the past nobody can say whether a key has expired', (t) => {
  const lock = JSON.stringify({ resolved: '2026-11-01T00:00:00Z' });
  const dependencies = [{ name: 'lock a', content: Buffer.from(lock).toString('base64') }];
  const made = makeBundle(t, { stated: { dependencies, sourceDateEpoch: Date.parse('2026-10-01') / 1000 } });
  const text = signed(made.statement);
  const keyUntil = (end: string): Key => {
    const read = readPublicKey(`${end}${pem(pair.publicKey)}`);
    assert.ok(read);
    return read;
  };
  const read = (key: Key, now: string) =>
    readStated({ file: 'it', text, signed: true }, [key], Date.parse(now));
  const ends = keyUntil('Expires: 2027-06-30\n');
  const failure = read(ends, '2026-10-31');
  assert.ok('code' in failure);
  assert.equal(failure.code, 'archive/clock');
  assert.match(failure.why ?? '', /is of 2026-11-01T00:00:00\.000Z, and the clock says 2026-10-31/);
  assert.ok('statement' in read(ends, '2026-11-02'));
  const late = read(ends, '2027-07-01');
  assert.ok('code' in late);
  assert.equal(late.code, 'archive/expired-key');
  // However its line is written, an end is one; what cannot be read is said to be that.
  for (const line of ['\ufeffExpires: 2027-06-30\r\n', 'Key of 2026\n  expires : 2027-06-30\n'])
    assert.equal(keyUntil(line).expires, Date.parse('2027-06-30'), JSON.stringify(line));
  const unread = read(keyUntil('Expires: tomorrow\n'), '2026-11-02');
  assert.ok('code' in unread);
  assert.equal(unread.code, 'archive/expired-key');
  assert.match(unread.why ?? '', /the date behind `Expires:` in its file cannot be read/);
  // A key without an end needs no clock.
  assert.ok('statement' in read(keyUntil(''), '2001-01-01'));
});
