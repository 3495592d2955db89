import type { Context } from '../domain/context.ts';
import type { Limits } from '../domain/definitions.ts';
import type { Result } from '../domain/result.ts';
import type { ElfKind, Emulation, EmulationSupport } from './emulation.ts';

/** What a run asks of whatever engine it gets. Looked at when a sandbox is opened. */
export interface EngineOptions {
  /** For each command of a sandbox that has no limits of its own. */
  limits?: Limits;
  /** Root tree → checksum of the lock that it was made from. */
  readonly locks?: ReadonlyMap<string, string>;
}

/** What an engine needs of the store. */
export interface EngineDeps extends EngineOptions {
  /** Folder of a named volume; made when missing. */
  readonly volume: (name: string) => Promise<Result<string>>;
  /** Existing folder on the store's file system: sandboxes keep their temporary folders in it. */
  readonly scratch: string;
}

/** What a sandbox sees at a path of its own. */
export type Mount =
  /** An immutable store tree, read-only. */
  | { readonly kind: 'tree'; readonly source: string; readonly at: string }
  /** A folder or file of the host, read-only: project sources, samples, a CA bundle. Copied in where the engine is remote. */
  | {
      readonly kind: 'source';
      readonly source: string;
      readonly at: string;
      /** Folders that need not be there (outputs, history): left out where files are copied. */
      readonly without?: LeftOut;
      /** It is large and seldom changes, as a Rust toolchain: an engine may keep its copy of it for the next run. */
      readonly again?: true;
    }
  /** A named folder of the engine that outlives the sandbox: cargo's target folder and registry. */
  | { readonly kind: 'volume'; readonly name: string; readonly at: string; readonly readOnly?: boolean }
  /** A writable folder on disk, gone with the sandbox; files in it can be copied out. */
  | {
      readonly kind: 'scratch';
      readonly at: string;
      /** What it begins with, folders in front of what is in them; absent: it is empty. */
      readonly entries?: readonly PlacedEntry[];
      /** As `/tmp`: it may be gone with the command, and nothing is copied out. */
      readonly temporary?: true;
    };

/** What a scratch folder begins with. `path` is relative to it. */
export type PlacedEntry =
  /** Mode 755. */
  | { readonly kind: 'folder'; readonly path: string }
  /** A copy of a file of the host, `source`; mode 644, or 755, and a time that is always the same. */
  | { readonly kind: 'file'; readonly path: string; readonly source: string; readonly executable: boolean }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** Whether a folder `name` in the folder `parent` of the host is left out. */
export type LeftOut = (parent: string, name: string) => boolean;

export interface SandboxSpec {
  /** Store tree that becomes `/`, read-only for what runs in it. `/tmp`, `/dev`, `/proc`, `/run` are fresh. */
  readonly rootfs: string;
  readonly mounts: readonly Mount[];
  /** `none`: a loopback and nothing else. `host`: as the machine has it, with its resolver files. */
  readonly network: 'none' | 'host';
  readonly hostname?: string;
  /** For each command, where the engine can hold to them. */
  readonly limits?: Limits;
  /**
   * Name of what opens the same sandbox in one run after the other, such as the build of a project: an engine may keep what it
   * makes for it, one for each name.
   */
  readonly again?: string;
  /** How programs of another machine start that its programs start: where the engine can (`Engine.emulation`). */
  readonly emulation?: Emulation;
}

export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Bytes for standard input; absent: empty. */
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  /** Bytes of stdout and stderr (each) kept; beyond it the process is ended and `limit` says so. Default 64 MiB. */
  readonly maxOutput?: number;
  /**
   * Bytes that may lie in its scratch and temporary folders; beyond it the process is ended and `limit` says so. Engines look
   * several times a second. In containers each temporary folder has that size, too: a command that fills one between two
   * looks meets a full disk (`ENOSPC`); scratch folders that are not `temporary` are not counted there.
   */
  readonly maxDisk?: number;
  /** Called with each chunk as it arrives. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** `inherit`: the terminal is handed over (an interactive shell); nothing is captured. */
  readonly stdio?: 'capture' | 'inherit';
}

export interface Exit {
  /** Exit status; absent when a signal ended it. */
  readonly status?: number;
  /** e.g. `SIGSEGV`. */
  readonly signal?: string;
  /** Set when we ended it. */
  readonly limit?: 'time' | 'output' | 'disk';
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Milliseconds, wall. */
  readonly ms: number;
}

export interface Sandbox extends AsyncDisposable {
  /** Runs one command to its end. A command that exits non-zero is a success of this call; failures are the engine's own. */
  run(command: Command): Promise<Result<Exit>>;
  /** Copies a file or folder of the sandbox to the host; modes kept, owner the user. `to` must not exist. */
  copyOut(from: string, to: string): Promise<Result<void>>;
}

export interface EngineInfo {
  readonly name: 'namespace' | 'docker';
  readonly version: string;
  readonly detail: string;
}

export interface Engine {
  readonly info: EngineInfo;
  open(spec: SandboxSpec): Promise<Result<Sandbox>>;
  /** What becomes of programs of a kind that the programs of its sandboxes start: tried, not guessed. */
  emulation(elf: ElfKind): Promise<Result<EmulationSupport>>;
  /** Removes what the engine keeps for the time of this process. Left out (a crash), the next start of one does it. */
  close?(): Promise<void>;
}

/** Finds out whether an engine works here; the failure says why not and what to do. */
export type ProbeEngine = (context: Context, deps: EngineDeps) => Promise<Result<Engine>>;
