import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as ask, createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { indexPath } from '../../src/build/newer-crates.ts';
import { REPOSITORY, temporaryFolder } from './cli.ts';
import { put } from './crate.ts';

type After = { after(done: () => unknown): void };

/** How a registry misbehaves. */
export interface Trouble {
  /** Of the index, of its configuration, and of downloads: the status that every request gets. */
  readonly index?: number;
  readonly config?: number;
  readonly download?: number;
  /** The crate is not in the index. */
  readonly unknown?: boolean;
  /** Version in the index; the crate is 1.0.0. */
  readonly version?: string;
  /** What is served is another file than the one in the index. */
  readonly damaged?: boolean;
  /** Taken back by its author. */
  readonly yanked?: boolean;
  /** Further versions in the index, none of which is taken back. */
  readonly newer?: readonly string[];
  /** Every request needs this token (The Cargo Book, "Registry Authentication"). */
  readonly token?: string;
  /** Its configuration says so, and every token is good enough. */
  readonly wantsToken?: true;
  /**
   * What its certificate is: of an authority that nobody knows (which may be made known), for `registry.example` alone, of 2020,
   * or of 2125. All are signed with their own key (`openssl ca -selfsign -startdate … -enddate …`).
   */
  readonly tls?: keyof typeof CERTIFICATES;
  /** Further crates, whole; those named `leaf` stand in place of its one. */
  readonly crates?: readonly PublishedCrate[];
}

/** A crate as it is published. */
export interface PublishedCrate {
  readonly name: string;
  readonly version: string;
  /** Requirements of crates of the same registry, by name. */
  readonly needs?: Readonly<Record<string, string>>;
  readonly lib: string;
  readonly yanked?: boolean;
}

export interface CrateRegistry {
  /** Address of the sparse index, with its scheme. */
  readonly index: string;
  /** SHA-256 of the one crate that it has: `leaf` 1.0.0. */
  readonly checksum: string;
  /** SHA-256 of the further ones, by `name version`. */
  readonly checksums: Readonly<Record<string, string>>;
  readonly requests: readonly HeardRequest[];
}

/** A request that a server got. */
export interface HeardRequest {
  readonly path: string;
  readonly token: string | undefined;
}

const TLS = join(REPOSITORY, 'test', 'fixtures', 'tls');

export const CERTIFICATES = {
  own: join(TLS, 'certificate.pem'),
  otherName: join(TLS, 'other-name.pem'),
  expired: join(TLS, 'expired.pem'),
  notYet: join(TLS, 'not-yet.pem'),
};

/** A real registry on this machine with the sparse protocol (The Cargo Book, "Registry Index"). It has one crate, where it is not given others. */
export async function startCrateRegistry(t: After, trouble: Trouble = {}): Promise<CrateRegistry> {
  const bytes = crateFile(t, {
    name: 'leaf',
    version: '1.0.0',
    lib: 'pub const NAME: &str = "leaf";\n',
  });
  const published = (trouble.crates ?? []).map((one) => ({ ...one, bytes: crateFile(t, one) }));
  const checksum = createHash('sha256').update(bytes).digest('hex');
  const { version = '1.0.0', yanked = false, newer = [] } = trouble;
  const entry = { name: 'leaf', vers: version, deps: [], cksum: checksum, features: {}, yanked };
  let base = '';
  const requests: HeardRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const path = request.url ?? '';
    requests.push({ path, token: request.headers.authorization });
    const refuse = (status: number | undefined): boolean => {
      if (status !== undefined) response.writeHead(status).end('no');
      return status !== undefined;
    };
    const { token } = trouble;
    const unauthorized = token !== undefined && request.headers.authorization !== token;
    if (unauthorized) refuse(401);
    else if (path === '/index/config.json') {
      if (!refuse(trouble.config))
        response.end(
          JSON.stringify({
            dl: `${base}/files/{crate}-{version}.crate`,
            'auth-required': token !== undefined || trouble.wantsToken === true,
          }),
        );
    } else if (published.some(({ name }) => path === `/index/${indexPath(name)}`)) {
      const found = published.filter(({ name }) => path === `/index/${indexPath(name)}`);
      response.end(found.map((one) => `${JSON.stringify(entryOf(one))}\n`).join(''));
    } else if (published.some((one) => path === `/files/${one.name}-${one.version}.crate`)) {
      response.end(published.find((one) => path === `/files/${one.name}-${one.version}.crate`)?.bytes);
    } else if (path === '/index/le/af/leaf') {
      if (!refuse(trouble.index ?? (trouble.unknown ? 404 : undefined)))
        response.end(
          [entry, ...newer.map((vers) => ({ ...entry, vers, yanked: false }))]
            .map((one) => `${JSON.stringify(one)}\n`)
            .join(''),
        );
    } else if (path.startsWith('/files/')) {
      if (!refuse(trouble.download)) response.end(trouble.damaged ? Buffer.from('damaged') : bytes);
    } else refuse(404);
  };
  const server = trouble.tls
    ? createHttps(
        { key: readFileSync(join(TLS, 'key.pem')), cert: readFileSync(CERTIFICATES[trouble.tls]) },
        listener,
      )
    : createHttp(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  base = `${trouble.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const checksums = Object.fromEntries(
    published.map((one) => [`${one.name} ${one.version}`, entryOf(one).cksum]),
  );
  return { index: `sparse+${base}/index/`, checksum, checksums, requests };
}

/** The Cargo Book, "Registry Index". */
function entryOf({ name, version, needs = {}, yanked = false, bytes }: PublishedCrate & { bytes: Buffer }) {
  const deps = Object.entries(needs).map(([needed, req]) => ({
    ...{ name: needed, req, features: [], optional: false, default_features: true },
    ...{ target: null, kind: 'normal', registry: null, package: null },
  }));
  const cksum = createHash('sha256').update(bytes).digest('hex');
  return { name, vers: version, deps, cksum, features: {}, yanked };
}

export interface HttpProxy {
  readonly address: string;
  readonly requests: readonly HeardRequest[];
}

/** A real proxy on this machine, for plain HTTP (RFC 9112, "absolute-form"): it reads what it passes on. */
export async function startProxy(t: After): Promise<HttpProxy> {
  const requests: HeardRequest[] = [];
  const server = createHttp((request, response) => {
    const { method, headers, url = '' } = request;
    requests.push({ path: url, token: headers.authorization });
    const passed = ask(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.writeHead(502).end());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function crateFile(t: After, { name, version, needs = {}, lib }: PublishedCrate): Buffer {
  const folder = temporaryFolder(t);
  const own = `${name}-${version}`;
  const needed = Object.entries(needs).map(([one, req]) => `${one} = "${req}"\n`);
  put(join(folder, own), {
    'Cargo.toml': `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n${needed.length === 0 ? '' : `[dependencies]\n${needed.join('')}`}`,
    'src/lib.rs': lib,
  });
  const file = join(folder, `${own}.crate`);
  execFileSync('tar', ['-czf', file, '-C', folder, own]);
  return readFileSync(file);
}
