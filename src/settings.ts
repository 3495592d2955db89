import { existsSync } from 'node:fs';
import { availableParallelism, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { secretsOf } from './diagnose/redact.ts';
import { distribution } from './distro/distribution.ts';
import { type CacheAddress, looksLikeAddress, parseCacheAddress } from './domain/cache-address.ts';
import type {
  ActionsSettings,
  CargoSettings,
  DockerSettings,
  OptionValues,
  PipSettings,
  Settings,
} from './domain/context.ts';
import { defined } from './domain/defined.ts';
import { err, ok, type Result } from './domain/result.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that name a CA bundle, in the order in which they count. */
const CA_VARIABLES = [
  'PROVISION_CA_BUNDLE',
  'CARGO_HTTP_CAINFO',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'CURL_CA_BUNDLE',
];
/** Where distributions keep theirs (Debian, Fedora, Alpine). */
const CA_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];

/** Settings from options, environment and machine, in this order. Fails on values that cannot be meant. */
export function readSettings(
  env: Environment,
  values: OptionValues,
  cwd: string,
  home: string,
): Result<Settings> {
  const jobs = readJobs(typeof values.jobs === 'string' ? values.jobs : env.PROVISION_JOBS);
  if (!jobs.ok) return jobs;
  const python = readPython(values.python);
  if (!python.ok) return python;
  const cache = readCache(env);
  if (!cache.ok) return cache;
  const store = typeof values.store === 'string' ? resolve(cwd, values.store) : defaultStore(env, cwd);
  const engine = typeof values.engine === 'string' ? values.engine : env.PROVISION_ENGINE || 'auto';
  const caBundle = findCaBundle(env);
  const project = typeof values.project === 'string' ? resolve(cwd, values.project) : undefined;
  return ok({
    store,
    jobs: jobs.value,
    offline: values.offline === true || env.PROVISION_OFFLINE === '1',
    frozen: values.frozen === true || env.PROVISION_FROZEN === '1',
    mirrors: (env[distribution.mirrorVariable] ?? '')
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(withoutSlash),
    ...defined({ caBundle }),
    proxies: findProxies(env),
    cargo: readCargo(env),
    cargoHome: env.CARGO_HOME || join(homeFolder(env), '.cargo'),
    home,
    cwd,
    ...defined({ project }),
    ...(typeof values.bin === 'string' ? { bin: values.bin } : {}),
    ...defined({ python: python.value }),
    engine,
    docker: readDocker(env),
    pip: readPip(env),
    rustup: Object.fromEntries(
      ['RUSTUP_HOME', 'RUSTUP_TOOLCHAIN'].flatMap((name) => (env[name] ? [[name, env[name] as string]] : [])),
    ),
    rust: readRust(env),
    path: (env.PATH ?? '').split(':').filter(isAbsolute),
    verbose: values.verbose === true,
    ...readKeys(env, cwd),
    ...defined({ cache: cache.value }),
    ...(values['push-cache'] === true ? { pushCache: true } : {}),
    secrets: readSecrets(env),
    ...(env.GITHUB_ACTIONS === 'true' ? { actions: readActions(env) } : {}),
  });
}

/** Keys that provenance is signed with, and verified. */
function readKeys({ PROVISION_SIGN_KEY, PROVISION_TRUSTED_KEYS }: Environment, cwd: string) {
  const isKey = PROVISION_SIGN_KEY?.includes('-----BEGIN') === true;
  return {
    ...(PROVISION_SIGN_KEY ? { signKey: isKey ? PROVISION_SIGN_KEY : resolve(cwd, PROVISION_SIGN_KEY) } : {}),
    ...(PROVISION_TRUSTED_KEYS
      ? {
          trustedKeys: PROVISION_TRUSTED_KEYS.split(':')
            .filter(Boolean)
            .map((file) => resolve(cwd, file)),
        }
      : {}),
  };
}

/** The shared store, where PROVISION_CACHE names one instead of a folder. */
function readCache({ PROVISION_CACHE: text = '' }: Environment): Result<CacheAddress | undefined> {
  return looksLikeAddress(text) ? parseCacheAddress(text, 'PROVISION_CACHE') : ok(undefined);
}

function readJobs(text: string | undefined): Result<number> {
  if (text === undefined || text === '') return ok(availableParallelism());
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 1024) return ok(jobs);
  return err({
    code: 'usage/jobs',
    what: `--jobs takes a whole number from 1 to 1024, not "${text}".`,
    fix: ['Leave it out to use every processor.'],
  });
}

/** One version, free-threaded where a `t` follows, or a variant of it. */
const PYTHON_WORD = /^\d+\.\d+t?(?:\+[a-z][a-z0-9-]*)?$/;

function readPython(value: OptionValues[string]): Result<string | undefined> {
  if (typeof value !== 'string') return ok(undefined);
  if (value === 'all' || value.split(',').every((one) => PYTHON_WORD.test(one))) return ok(value);
  return err({
    code: 'usage/python',
    what: `--python takes versions such as 3.14, 3.14+jit, or 3.11,3.13, or all; not "${value}".`,
    fix: ['Give major and minor version. See what there is: `provision list`.'],
  });
}

/** `$PROVISION_STORE`, else `provision/store` in the XDG cache folder (XDG Base Directory Specification). */
function defaultStore(env: Environment, cwd: string): string {
  if (env.PROVISION_STORE) return resolve(cwd, env.PROVISION_STORE);
  // The launcher's decision, which also holds where there is no HOME.
  const folder = looksLikeAddress(env.PROVISION_CACHE ?? '')
    ? env.PROVISION_CACHE_FOLDER
    : env.PROVISION_CACHE;
  if (folder) return join(resolve(cwd, folder), 'store');
  const cache =
    env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)
      ? env.XDG_CACHE_HOME
      : join(homeFolder(env), '.cache');
  return join(cache, 'provision', 'store');
}

/** `HOME`, else the user database's. Container engines give a user that is not in it `/`, and so do we. */
function homeFolder({ HOME }: Environment): string {
  if (HOME && isAbsolute(HOME)) return HOME;
  try {
    return userInfo().homedir || '/';
  } catch {
    return '/';
  }
}

function readSecrets(env: Environment): readonly string[] {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return secretsOf(Object.fromEntries(set));
}

/** Variables that the runner sets, with tokens of its own. */
const RUNNERS_OWN = /^(?:ACTIONS|GITHUB|RUNNER)_/;

function readActions(env: Environment): ActionsSettings {
  const others = Object.entries(env).filter(([name]) => !RUNNERS_OWN.test(name));
  return {
    mask: readSecrets(Object.fromEntries(others)),
    ...(env.GITHUB_WORKSPACE ? { workspace: env.GITHUB_WORKSPACE } : {}),
    ...(env.GITHUB_STEP_SUMMARY ? { summary: env.GITHUB_STEP_SUMMARY } : {}),
    ...(env.GITHUB_OUTPUT ? { output: env.GITHUB_OUTPUT } : {}),
  };
}

function readDocker(env: Environment): DockerSettings {
  const home = homeFolder(env);
  const config = env.DOCKER_CONFIG || join(home, '.docker');
  return {
    ...(env.DOCKER_HOST ? { host: env.DOCKER_HOST } : {}),
    tlsVerify: Boolean(env.DOCKER_TLS_VERIFY),
    certPath: env.DOCKER_CERT_PATH || config,
    ...(env.DOCKER_CONTEXT ? { context: env.DOCKER_CONTEXT } : {}),
    config,
    ...(env.XDG_RUNTIME_DIR ? { runtimeDir: env.XDG_RUNTIME_DIR } : {}),
    home,
  };
}

function readPip(env: Environment): PipSettings {
  const home = homeFolder(env);
  const config = env.XDG_CONFIG_HOME || join(home, '.config');
  const shared = (env.XDG_CONFIG_DIRS || '/etc/xdg').split(':');
  const set = Object.entries(env).flatMap(([name, value]) =>
    // The file and the CA bundle are mounted under paths of the sandbox.
    value && /^PIP_[A-Z_]+$/.test(name) && !['PIP_CONFIG_FILE', 'PIP_CERT'].includes(name)
      ? [[name, value]]
      : [],
  );
  return {
    variables: Object.fromEntries(set),
    files: {
      global: [...shared.map((folder) => join(folder, 'pip/pip.conf')), '/etc/pip.conf'],
      user: [join(config, 'pip/pip.conf'), join(home, '.pip/pip.conf')],
      named: env.PIP_CONFIG_FILE ? [env.PIP_CONFIG_FILE] : [],
      netrc: [env.NETRC || join(home, '.netrc')],
    },
  };
}

/** Variables of cargo about where crates come from (The Cargo Book, "Environment variables"). */
const CARGO_REGISTRIES = /^CARGO_(?:REGISTR(?:Y|IES)|SOURCE|HTTP|NET)_[A-Z0-9_]+$/;
/** … and those that change what a build makes. */
const CARGO_BUILDS =
  /^(?:RUSTFLAGS|RUSTDOCFLAGS|RUSTC|RUSTC_(?:WRAPPER|WORKSPACE_WRAPPER|BOOTSTRAP)|CARGO_ENCODED_RUST(?:DOC)?FLAGS|CARGO_(?:BUILD|PROFILE|TARGET|UNSTABLE)_[A-Z0-9_]+|CARGO_INCREMENTAL)$/;

function readCargo(env: Environment): CargoSettings {
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const trust = env.PROVISION_CA_BUNDLE || env.CARGO_HTTP_CAINFO;
  return {
    ...defined({ trust }),
    // The CA bundle is mounted under a path of the sandbox.
    variables: Object.fromEntries(
      set.filter(([name]) => CARGO_REGISTRIES.test(name) && name !== 'CARGO_HTTP_CAINFO'),
    ),
    builds: set.flatMap(([name]) =>
      CARGO_BUILDS.test(name) && !['CARGO_TARGET_DIR', 'CARGO_BUILD_JOBS'].includes(name) ? [name] : [],
    ),
  };
}

/** The environment that a build with the user's own Rust depends on. */
function readRust(env: Environment): Readonly<Record<string, string>> {
  const wanted =
    /^(?:PATH|HOME|USER|LANG|LC_ALL|TMPDIR|(?:CARGO|RUSTUP|RUST|RUSTC|PYO3|PYTHON|PKG_CONFIG|CC|CXX|AR|CFLAGS|LDFLAGS)(?:_\w+)?|RUSTFLAGS|VIRTUAL_ENV|CONDA_PREFIX|LD_LIBRARY_PATH|SSL_CERT_(?:FILE|DIR)|CURL_CA_BUNDLE|(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY)$/;
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && wanted.test(name) ? [[name, value]] : [],
    ),
  );
}

function findCaBundle(env: Environment): string | undefined {
  const named = CA_VARIABLES.map((name) => env[name]).filter((file) => file !== undefined && file !== '');
  return [...(named as string[]), ...CA_FILES].find((file) => existsSync(file));
}

function findProxies(env: Environment): Readonly<Record<string, string>> {
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toUpperCase()]);
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name] as string]] : [])));
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}
