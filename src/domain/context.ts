import type { Emit } from '../events.ts';
import type { CacheAddress } from './cache-address.ts';

/** Options of the command line by their names. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Everything from the environment and the command line that stages may know. Made once, in cli.ts. */
export interface Settings {
  /** Folder of the store. */
  readonly store: string;
  /** Jobs at once (unpacking, samples, cargo). */
  readonly jobs: number;
  readonly offline: boolean;
  readonly frozen: boolean;
  /** Archive roots in the order to try; no trailing slash. Empty: the distribution finds them. */
  readonly mirrors: readonly string[];
  /** CA bundle (PEM) of the machine, where one is set or found. */
  readonly caBundle?: string;
  /** http_proxy, https_proxy, no_proxy and their upper-case twins, as set. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Variables of cargo that are set on this machine; absent: none. */
  readonly cargo?: CargoSettings;
  /** The user's cargo home, with its `config.toml` and `credentials.toml`. */
  readonly cargoHome?: string;
  /** Folder that holds recipes/, targets/, sysroots/, docker/: the tool's own. */
  readonly home: string;
  /** Folder that the command was given in. */
  readonly cwd: string;
  /** Absolute folder of the user's crate, where `--project` names one. */
  readonly project?: string;
  /** Binary of the crate, where `--bin` names one. */
  readonly bin?: string;
  /** Versions of Python, where `--python` names some: `3.14`, `3.11,3.13`, `all`. */
  readonly python?: string;
  /** Engine asked for: `auto`, `namespace`, `docker`, or `docker:<host>` with an address as DOCKER_HOST takes it. */
  readonly engine: string;
  readonly docker: DockerSettings;
  /** The machine's settings of the Python package index; absent: none. */
  readonly pip?: PipSettings;
  /** Variables that rustup reads: RUSTUP_HOME, RUSTUP_TOOLCHAIN. */
  readonly rustup?: Readonly<Record<string, string>>;
  /** The environment of the user's own Rust: PATH, HOME, and variables of Rust, C compilers and proxies. */
  readonly rust?: Readonly<Record<string, string>>;
  /** Folders of PATH, in order. */
  readonly path?: readonly string[];
  /** Emit what every subprocess prints, not only its stage's summary. */
  readonly verbose: boolean;
  /** Tokens and passwords of the environment, the longest first: no file that is kept may hold them. */
  readonly secrets?: readonly string[];
  /** PROVISION_SIGN_KEY: a private key, or the absolute path of its file. */
  readonly signKey?: string;
  /** PROVISION_TRUSTED_KEYS: absolute paths of public keys. */
  readonly trustedKeys?: readonly string[];
  /** PROVISION_CACHE, where it is an address: entries of the store are looked for there. Else the recipe's counts. */
  readonly cache?: CacheAddress;
  /** What is used of the store goes there at the end. */
  readonly pushCache?: boolean;
  /** Absent outside of GitHub Actions. */
  readonly actions?: ActionsSettings;
}

/** What GitHub Actions passes to a step (its documentation, "Variables reference" and "Workflow commands"). */
export interface ActionsSettings {
  /** GITHUB_WORKSPACE: annotations name files relative to it. */
  readonly workspace?: string;
  /** GITHUB_STEP_SUMMARY: file for Markdown. */
  readonly summary?: string;
  /** GITHUB_OUTPUT: file for the step's outputs. */
  readonly output?: string;
  /** Of the secrets those that the runner may not know; its own it hides by itself. */
  readonly mask: readonly string[];
}

/** Settings of Docker from the environment, as its own client reads them (docker(1), "Environment variables"). */
export interface DockerSettings {
  /** DOCKER_HOST. */
  readonly host?: string;
  /** DOCKER_TLS_VERIFY is set and not empty. */
  readonly tlsVerify: boolean;
  /** Folder of `ca.pem`, `cert.pem`, `key.pem`: DOCKER_CERT_PATH, else that of the configuration. */
  readonly certPath: string;
  /** DOCKER_CONTEXT. */
  readonly context?: string;
  /** Folder of the client's `config.json`: DOCKER_CONFIG, else `~/.docker`. */
  readonly config: string;
  /** XDG_RUNTIME_DIR: where rootless engines have their sockets. */
  readonly runtimeDir?: string;
  /** The user's home folder. */
  readonly home: string;
}

export interface CargoSettings {
  /** File of the CA bundle that a variable names for cargo, and that cargo's own configuration does not change. */
  readonly trust?: string;
  /** `CARGO_REGISTRIES_…`, `CARGO_HTTP_…` and the like: where crates come from. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names of those that change what is built: no build gets them, as it is the same on every machine. */
  readonly builds: readonly string[];
}

/** Where pip fetches from on this machine (pip's documentation, "Configuration"). */
export interface PipSettings {
  /** `PIP_…` variables as set. */
  readonly variables: Readonly<Record<string, string>>;
  /** Configuration files that may be there, by their level. */
  readonly files: Readonly<Record<'global' | 'user' | 'named' | 'netrc', readonly string[]>>;
}

export interface Context {
  readonly settings: Settings;
  readonly emit: Emit;
  /** Aborted on Ctrl-C; every wait and every child process observes it. */
  readonly signal: AbortSignal;
}
