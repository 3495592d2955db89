import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Chromium from the distribution (chromium(1)); `.ci/run` brings it. */
const PROGRAM = 'chromium';

type Fields = Readonly<Record<string, unknown>>;

/** What a page did that a report must not do. */
export interface Seen {
  /** Console messages, uncaught exceptions, what the browser logs: refused scripts, failed loads. */
  readonly messages: string[];
  /** Addresses that were asked for. */
  readonly requests: string[];
}

/** A headless Chromium, driven over its debugging pipe (the Chrome DevTools Protocol). */
export class Browser implements AsyncDisposable {
  readonly seen: Seen = { messages: [], requests: [] };
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Map<number, (message: Fields) => void>();
  readonly #once = new Map<string, () => void>();
  #session = '';
  #last = 0;
  #rest = '';
  /** Why the program could not be started, and who waits for an answer. */
  #broken: Error | undefined;
  #broke: (error: Error) => void = () => {};

  static async open(): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.#send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.#send('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.#send(`${domain}.enable`);
    return browser;
  }

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'provision-browser-'));
    this.#child = spawn(
      PROGRAM,
      [
        '--headless=new',
        '--remote-debugging-pipe',
        // The tests run as root, too, and in containers with a small /dev/shm.
        '--no-sandbox',
        '--disable-dev-shm-usage',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        `--user-data-dir=${this.#folder}`,
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: this.#folder } },
    );
    this.#child.once('error', (error) => {
      this.#broken = error;
      this.#broke(error);
    });
    const [, , , , output] = this.#child.stdio as unknown as readonly NodeJS.ReadableStream[];
    output?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  async load(address: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#once.set('Page.loadEventFired', resolve));
    await this.#send('Page.navigate', { url: address });
    await loaded;
  }

  async view(width: number, height: number, scheme: 'light' | 'dark'): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 500 },
    });
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.#send('Emulation.setEmulatedMedia', { features });
  }

  /** Value of a JavaScript expression on the page. */
  async ask<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value: T }).value;
  }

  /** Presses and releases a key, as a user does: `Tab`, `Enter`, `Escape`. */
  async press(key: 'Tab' | 'Enter' | 'Escape'): Promise<void> {
    const code = { Tab: 9, Enter: 13, Escape: 27 }[key];
    const event = { key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' ? { text: '\r' } : {}) };
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await this.#send('Input.dispatchKeyEvent', {
      type: 'keyUp',
      key,
      code: key,
      windowsVirtualKeyCode: code,
    });
  }

  /** What is to be seen, as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data as string, 'base64');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#child.kill('SIGKILL');
    await closed;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #send(method: string, params: Fields = {}): Promise<Fields> {
    this.#last += 1;
    const id = this.#last;
    const session = this.#session === '' ? {} : { sessionId: this.#session };
    const [, , , input] = this.#child.stdio as unknown as readonly NodeJS.WritableStream[];
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) reject(this.#broken);
      this.#broke = reject;
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result as Fields);
        else reject(new Error(`${method}: ${JSON.stringify(error)}`));
      });
      input?.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    });
  }

  /** Messages end in NUL. */
  #take(text: string): void {
    const parts = (this.#rest + text).split('\0');
    this.#rest = parts.pop() as string;
    for (const part of parts) {
      const message = JSON.parse(part) as Fields;
      if (typeof message.id === 'number') this.#waiting.get(message.id)?.(message);
      else this.#onMessage(message.method as string, message.params as Fields);
    }
  }

  #onMessage(method: string, params: Fields): void {
    this.#once.get(method)?.();
    if (['Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'].includes(method))
      this.seen.messages.push(JSON.stringify(params));
    if (method === 'Network.requestWillBeSent')
      this.seen.requests.push((params.request as { readonly url: string }).url);
  }
}
