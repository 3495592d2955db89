import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { REPOSITORY, temporaryFolder } from './cli.ts';

type After = { after(done: () => unknown): void };

export const PROGRAM = join(REPOSITORY, 'test/support/store-program.ts');

/** A fresh store on a path that shells and mount options do not like. */
export async function freshStore(t: After): Promise<Store> {
  const folder = join(temporaryFolder(t, 'störe, of: tests '), 'störe');
  return reopen(folder);
}

export async function reopen(folder: string): Promise<Store> {
  const opened = await openStore(folder);
  assert.ok(opened.ok, JSON.stringify(opened));
  return opened.value;
}

export function never(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

/** Contents of `tmp/` without the records of open sessions. */
export function leftovers(folder: string): string[] {
  return readdirSync(join(folder, 'tmp')).filter((name) => !name.includes('.session-'));
}

/** Another process that uses a store. */
export class StoreProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  #output = '';
  #look: () => void = () => {};
  #ended = false;

  constructor(t: After, folder: string, action: string, argument = '', env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(process.execPath, [PROGRAM, folder, action, argument], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#look();
    });
    this.child.once('close', () => {
      this.#ended = true;
      this.#look();
    });
    t.after(() => this.child.kill('SIGKILL'));
  }

  get lines(): string[] {
    return this.#output.split('\n').slice(0, -1);
  }

  /** Resolves with the first line that fits. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((one) => pattern.test(one));
      if (line !== undefined) return line;
      if (this.#ended) throw new Error(`it ended without printing ${pattern}: ${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  /** The outcome it prints as JSON. */
  async outcome<T>(): Promise<T> {
    return JSON.parse(await this.until(/^[[{"]/)) as T;
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    this.child.stdin.end();
    await this.#closed();
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.#closed();
  }

  async #closed(): Promise<void> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }
}

/** Other processes that have a file below a folder open: `<pid> <file>`. */
export function processesUsing(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => openFilesOf(pid).map((path) => `${pid} ${path}`))
    .filter((line) => line.includes(folder));
}

function openFilesOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    // Ended meanwhile, or not ours to look into.
    return [];
  }
}
