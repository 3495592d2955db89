// What a system brings for programs, or not: certificates, time zones, MIME types, services, gcc's library. The programs run in
// roots that lack it or have it elsewhere. PROVISION_TEST_CELLS=packaged,wasm selects programs; one whose CPython is built for an older
// glibc runs with PROVISION_TEST_ALL=1 only.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { chosenCells } from '../support/cells.ts';
import { type CliRun, provision, REPOSITORY, SHARED_STORE } from '../support/cli.ts';
import { OtherSystem } from '../support/other-system.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const TLS = join(REPOSITORY, 'test', 'fixtures', 'tls');
/** Of a server on 127.0.0.1; it is its own authority, which nobody trusts. */
const CERTIFICATE = readFileSync(join(TLS, 'certificate.pem'), 'utf8');
/** What `openssl x509 -subject_hash` says of it. */
const SUBJECT = '9a678341';
const BUNDLED = 'certificates: bundled\nzoneinfo: bundled\nmime-types: bundled\nservices: bundled\n';

/** Programs that this machine's kernel starts: libpython in a file of its own, and all in one. */
const TARGETS = {
  packaged: { target: 'x86_64', more: 'sysroot: packaged\nhost: false\n' },
  // CPython built for an older glibc.
  portable: { target: 'x86_64', more: 'python: {from: source}\nsystems: []\nhost: false\n' },
  musl: { target: 'x86_64-musl', more: 'systems: []\nhost: false\n' },
} as const;
type Name = keyof typeof TARGETS;
const NAMES = chosenCells(TARGETS, ['portable']);
const skip = process.arch === 'x64' ? false : 'programs of x86-64 are emulated here';

const folder = mkdtempSync(join(tmpdir(), 'provision system dätá '));
after(() => rmSync(folder, { recursive: true, force: true }));

async function make(
  name: string,
  recipe: string,
  scripts: Readonly<Record<string, string>>,
): Promise<CliRun> {
  const at = join(folder, name);
  mkdirSync(join(at, 'samples'), { recursive: true });
  for (const [file, text] of Object.entries(scripts)) writeFileSync(join(at, 'samples', file), text);
  writeFileSync(join(at, 'r.yaml'), recipe.replace('SAMPLES', join(at, 'samples')));
  const args = ['run', './r.yaml', '--artifacts', 'out'];
  const formats = name.startsWith('wasm') ? [] : ['--format', 'oci', '--format', 'deb'];
  return provision([...args, ...formats], { cwd: at, store: SHARED_STORE, timeoutMs: 60 * 60_000 });
}

function shipped(name: string, ending: string): string {
  const out = join(folder, name, 'out');
  return join(out, readdirSync(out).find((one) => one.endsWith(ending)) ?? ending);
}

function report(name: string): Report {
  return JSON.parse(readFileSync(join(folder, name, 'out', 'report.json'), 'utf8')) as Report;
}

const ONE = { 'one.py': 'import ssl, zoneinfo, mimetypes, socket\nprint(1)\n' };

before(async () => {
  if (skip !== false) return;
  for (const name of NAMES) {
    const { target, more } = TARGETS[name];
    for (const [kind, keys] of Object.entries({ plain: '', bundled: BUNDLED })) {
      const recipe = runnerRecipe(target, { samples: 'SAMPLES', more: more + keys });
      const ran = await make(`${name} ${kind}`, recipe, ONE);
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    }
  }
});

const systems = new Map<string, OtherSystem>();

/** A system with the program at `/opt/isolate`: the image's C library where it needs one, and none of the data. */
function system(t: TestContext, name: Name, kind: 'plain' | 'bundled'): OtherSystem {
  const key = `${name} ${kind}`;
  const made = systems.get(key) ?? new OtherSystem(join(folder, key, 'root'));
  if (!systems.has(key)) made.unpackImage(shipped(key, '.oci.tar'), join(folder, key, 'image'));
  systems.set(key, made);
  const clean = () => made.remove('usr/share/zoneinfo', 'usr/lib/ssl', 'etc/pki', 'etc/ssl', ...TABLES);
  clean();
  t.after(clean);
  return made;
}

const TABLES = ['etc/mime.types', 'etc/services'];

const PROGRAM = '/opt/isolate/bin/isolate';

/** A server with the test's certificate and a client that trusts what programs trust by default. */
const HANDSHAKE = `
import json, os, socket, ssl, threading, urllib.request
before = dict(os.environ)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('/tmp/server.pem')
listener = socket.create_server(('127.0.0.1', 0))

def serve():
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello')
    except OSError:
        pass

threading.Thread(target=serve, daemon=True).start()
try:
    got = urllib.request.urlopen(f'https://127.0.0.1:{listener.getsockname()[1]}/', timeout=20).read().decode()
except OSError as error:
    got = getattr(error.reason, 'verify_message', str(error))
paths = ssl.get_default_verify_paths()
print(json.dumps({
    'got': got, 'paths': [paths.cafile, paths.capath], 'environ': os.environ == before,
    'authorities': ssl.create_default_context().cert_store_stats()['x509_ca'],
}))
`;

function handshake(system: OtherSystem, env: Readonly<Record<string, string>> = {}): Record<string, unknown> {
  system.write('/tmp/server.pem', CERTIFICATE + readFileSync(join(TLS, 'key.pem'), 'utf8'));
  return system.ask(PROGRAM, HANDSHAKE, env);
}

const UNTRUSTED = 'self-signed certificate';

/** Where distributions other than the one of this OpenSSL have them; the last as OpenSSL names files of a folder. */
const PLACES = [
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/certs/ca-certificates.crt',
  `/etc/ssl/certs/${SUBJECT}.0`,
];

for (const name of NAMES) {
  test(`${name}: HTTPS trusts what the system trusts, wherever its distribution has it`, { skip }, (t) => {
    const other = system(t, name, 'plain');
    const nowhere = { got: UNTRUSTED, paths: [null, null], environ: true, authorities: 0 };
    assert.deepEqual(handshake(other), nowhere);
    for (const place of PLACES) {
      other.write(place, CERTIFICATE);
      const where = place.includes(SUBJECT) ? [null, '/etc/ssl/certs'] : [place, null];
      const trusted = handshake(other);
      assert.deepEqual([trusted.got, trusted.paths, trusted.environ], ['hello', where, true], place);
      other.remove('etc/pki', 'etc/ssl');
    }
  });

  test(`${name}: what the user states counts first, then OpenSSL's own place`, { skip }, (t) => {
    const other = system(t, name, 'bundled');
    const [elsewhere] = PLACES as [string];
    const authorities = '/opt/isolate/lib/python3.13/system-data/ca-certificates.crt';
    other.write(elsewhere, CERTIFICATE);
    assert.equal(handshake(other, { SSL_CERT_FILE: authorities }).got, UNTRUSTED);
    assert.equal(handshake(other, { SSL_CERT_DIR: '/nowhere' }).got, UNTRUSTED);
    other.write(elsewhere, readFileSync(join(other.root, authorities), 'utf8'));
    assert.equal(handshake(other).got, UNTRUSTED);
    other.write('/srv/own.pem', CERTIFICATE);
    assert.equal(handshake(other, { SSL_CERT_FILE: '/srv/own.pem' }).got, 'hello');
    other.write('/usr/lib/ssl/cert.pem', CERTIFICATE);
    assert.deepEqual(handshake(other).got, 'hello');
    assert.deepEqual(handshake(other).paths, ['/usr/lib/ssl/cert.pem', null]);
    other.remove('usr/lib/ssl');
    // One that cannot be used is passed over.
    other.write(elsewhere, 'not a certificate\n');
    other.write('/etc/ssl/cert.pem', CERTIFICATE);
    assert.equal(handshake(other).got, 'hello');
  });

  test(`${name}: Mozilla's authorities are in a bundle that is to bring them, and count last`, {
    skip,
  }, (t) => {
    const other = system(t, name, 'bundled');
    const own = handshake(other);
    assert.equal(own.got, UNTRUSTED);
    assert.ok((own.authorities as number) > 100, String(own.authorities));
    assert.match(String(own.paths), /^\/opt\/isolate\/lib\/python3\.13\/system-data\/ca-certificates\.crt,/);
    other.write('/etc/ssl/cert.pem', CERTIFICATE);
    assert.deepEqual([handshake(other).got, handshake(other).authorities], ['hello', 1]);
  });

  test(`${name}: zones, MIME types and services of the bundle are found in a system without any`, {
    skip,
  }, (t) => {
    const lacking = system(t, name, 'plain').ask(PROGRAM, DATA);
    assert.deepEqual(lacking, {
      zone: `ZoneInfoNotFoundError: 'No time zone found with key Europe/Vienna'`,
      zones: 0,
      types: ['text/html', null],
      service: 'OSError: service/proto not found',
      port: 'OSError: port/proto not found',
    });
    const other = system(t, name, 'bundled');
    const found = {
      zone: '2:00:00',
      types: ['text/html', 'application/vnd.debian.binary-package'],
      service: 443,
      port: 'https',
    };
    const { zones, ...rest } = other.ask(PROGRAM, DATA);
    assert.deepEqual(rest, found);
    assert.ok((zones as number) > 500, String(zones));
    // What the system has counts first.
    other.write('/etc/services', 'https 4443/tcp\n');
    other.write('/etc/mime.types', 'text/x-own html\n');
    const own = other.ask(PROGRAM, DATA);
    assert.deepEqual([own.service, own.port, own.types], [4443, 'https', ['text/x-own', null]]);
  });

  test(`${name}: the bundle finds its data wherever it is, unpacked, installed or in an image`, {
    skip,
  }, (t) => {
    const other = system(t, name, 'bundled');
    other.unpack(shipped(`${name} bundled`, '.tar.gz'), '/srv/möved here');
    other.install(shipped(`${name} bundled`, '.deb'));
    for (const at of ['/srv/möved here', '/usr/lib/isolate']) {
      const { zone } = other.ask(`${at}/bin/isolate`, DATA);
      assert.equal(zone, '2:00:00', at);
      const { paths } = other.ask(`${at}/bin/isolate`, PATHS);
      assert.equal(paths, `${at}/lib/python3.13/system-data/ca-certificates.crt`);
    }
  });

  test(`${name}: nothing of the compiler's is needed of a system`, { skip }, (t) => {
    const other = system(t, name, 'plain');
    const libraries = filesNamed(other.root, /^libgcc_s/);
    const own = name === 'musl' ? [] : ['opt/isolate/lib/libgcc_s.so.1'];
    assert.deepEqual(libraries, own);
    // A thread that still runs is ended by pthread_exit(3), for which glibc loads that library.
    assert.deepEqual(other.ask(PROGRAM, THREADS), { done: true });
  });
}

test('the report of a bundle names what it brings, and the version', {
  skip: NAMES.length === 0 || skip,
}, () => {
  const [name] = NAMES;
  assert.equal(report(`${name} plain`).systemData, undefined);
  assert.deepEqual(
    report(`${name} bundled`).systemData?.map((one) => `${one.data} ${one.package}`),
    ['certificates ca-certificates', 'zoneinfo tzdata', 'mime-types media-types', 'services netbase'],
  );
  assert.match(report(`${name} bundled`).systemData?.[1]?.version ?? '', /^20\d\d[a-z]/);
});

test('zones are found on WASI where the bundle brings them, and Python says so where it does not', {
  skip: chosenCells({ wasm: 'wasm32-wasip1' }, []).length === 0,
}, async () => {
  const zone =
    'import datetime, zoneinfo\nprint(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Vienna")))\n';
  const recipe = (more: string): string => runnerRecipe('wasm32-wasip1', { samples: 'SAMPLES', more });
  const lacking = await make('wasm plain', recipe(''), { 'zone.py': zone });
  assert.equal(lacking.status, 7, lacking.stdout + lacking.stderr);
  const [failed] = report('wasm plain').samples;
  assert.match(JSON.stringify(failed), /ZoneInfoNotFoundError/);
  assert.match(lacking.stderr, /Write `zoneinfo: bundled` into the recipe/);
  const brings = await make('wasm bundled', recipe('zoneinfo: bundled\n'), { 'zone.py': zone });
  assert.equal(brings.status, 0, brings.stdout + brings.stderr);
});

function filesNamed(root: string, name: RegExp): readonly string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    name.test(path.slice(path.lastIndexOf('/') + 1)),
  );
}

const DATA = `
import datetime, json, mimetypes, os, socket, zoneinfo

def said(ask):
    try:
        return ask()
    except (OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        return f'{type(error).__name__}: {error}'

print(json.dumps({
    'zone': said(lambda: str(zoneinfo.ZoneInfo('Europe/Vienna').utcoffset(datetime.datetime(2026, 7, 1)))),
    'zones': len(zoneinfo.available_timezones()),
    'types': [mimetypes.guess_type('a.html')[0], mimetypes.guess_type('a.deb')[0]],
    'service': said(lambda: socket.getservbyname('https', 'tcp')),
    'port': said(lambda: socket.getservbyport(4443 if os.path.exists('/etc/services') else 443)),
}))
`;

const PATHS = `
import json, ssl
print(json.dumps({'paths': ssl.get_default_verify_paths().cafile}))
`;

const THREADS = `
import json, threading, time
for _ in range(4):
    threading.Thread(target=lambda: [time.sleep(0.0001) for _ in iter(int, 1)], daemon=True).start()
time.sleep(0.05)
print(json.dumps({'done': True}), flush=True)
`;
