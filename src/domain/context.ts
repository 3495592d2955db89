import type { Emit } from '../events.ts';

/** Everything from the environment and the command line that stages may know. Made once, in cli.ts. */
export interface Settings {
  /** Folder of the store. */
  readonly store: string;
  /** Jobs at once (unpacking, samples, cargo). */
  readonly jobs: number;
  readonly offline: boolean;
  readonly frozen: boolean;
  /** Archive roots (`…/debian`) in the order to try; no trailing slash. Empty: found by lock/mirrors.ts. */
  readonly debianMirrors: readonly string[];
  /** CA bundle (PEM) of the machine, where one is set or found. */
  readonly caBundle?: string;
  /** http_proxy, https_proxy, no_proxy and their upper-case twins, as set. */
  readonly proxies: Readonly<Record<string, string>>;
  /** The person's cargo home, for registry configuration (`config.toml`, `credentials.toml`). */
  readonly cargoHome?: string;
  /** Folder that holds recipes/, targets/, sysroots/, docker/: the tool's own. */
  readonly home: string;
  /** Folder that the command was given in. */
  readonly cwd: string;
  /** Engine asked for: `auto`, `namespace`, `docker`. */
  readonly engine: string;
  /** Emit what every subprocess prints, not only its stage's summary. */
  readonly verbose: boolean;
}

export interface Context {
  readonly settings: Settings;
  readonly emit: Emit;
  /** Aborted on Ctrl-C; every wait and every child listens to it. */
  readonly signal: AbortSignal;
}
