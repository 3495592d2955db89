import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { uploadBytes } from '../engine/docker/blobs.ts';
import { ENTRY_TYPE, type Key, openEnvelope, seal } from '../provenance/envelope.ts';
import { type Connection, isOutside, MANIFEST } from './connection.ts';
import { type SharedName, tagOf } from './record.ts';

/** What a claim says, signed: who has the entry in the making, and until when that holds. */
interface ClaimRecord {
  readonly claim: string;
  readonly by: string;
  /** Times are ISO 8601. */
  readonly until: string;
  /** By which `cache prune` knows its age. */
  readonly pushed: string;
}

export interface ClaimTimes {
  /** Milliseconds for which a claim holds without being renewed: a machine that died holds others up for so long. */
  readonly leaseMs: number;
  /** Milliseconds between two looks at what another machine has claimed. */
  readonly lookMs: number;
  /** Milliseconds that an entry is waited for in all. */
  readonly mostMs: number;
}

const CLAIM_TIMES: ClaimTimes = { leaseMs: 120_000, lookMs: 5_000, mostMs: 30 * 60_000 };

/** The tag under which machines say that they are making an entry. */
function claimTag(name: SharedName): string {
  return `making-${tagOf(name)}`;
}

/**
 * Says to other machines that an entry is in the making. OCI has no compare-and-swap, so two may say it of one entry at the same
 * moment: both make it then, and the first that pushes it is kept. A claim is advice, and never decides what is used.
 */
export class Claims {
  readonly #connection: Connection;
  readonly #key: Key | undefined;
  readonly #trusted: readonly Key[];
  readonly #times: ClaimTimes;
  readonly #by = randomBytes(16).toString('hex');
  readonly #held = new Map<string, NodeJS.Timeout>();

  constructor(
    connection: Connection,
    keys: { readonly key: Key | undefined; readonly trusted: readonly Key[] },
    times: ClaimTimes = CLAIM_TIMES,
  ) {
    this.#connection = connection;
    this.#key = keys.key;
    this.#trusted = keys.trusted;
    this.#times = times;
  }

  holds(name: SharedName): boolean {
    return this.#held.has(tagOf(name));
  }

  /** Claims an entry where this machine may push, and goes on doing so until `release`. */
  async claim(name: SharedName): Promise<void> {
    if (this.#key === undefined || this.holds(name)) return;
    if (!(await this.#write(name, Date.now() + this.#times.leaseMs))) return;
    const again = (): void => void this.#write(name, Date.now() + this.#times.leaseMs);
    const timer = setInterval(again, this.#times.leaseMs / 3);
    timer.unref();
    this.#held.set(tagOf(name), timer);
  }

  /** Ends a claim. `pushed`: whoever waits finds the entry, and needs not be told. */
  async release(name: SharedName, pushed: boolean): Promise<void> {
    const timer = this.#held.get(tagOf(name));
    if (timer === undefined) return;
    clearInterval(timer);
    this.#held.delete(tagOf(name));
    if (!pushed) await this.#write(name, 0);
  }

  /** Ends the renewal of all claims: they expire. */
  stop(): void {
    for (const timer of this.#held.values()) clearInterval(timer);
    this.#held.clear();
  }

  /**
   * Waits while another machine has claimed an entry, until `isThere`, until its claim is no longer renewed, or for as long as
   * anybody waits. `onWait` is called once, with the most milliseconds that it may take.
   */
  async waitForOther(
    name: SharedName,
    isThere: () => Promise<boolean>,
    options: { readonly signal: AbortSignal; readonly onWait: (mostMs: number) => void },
  ): Promise<boolean> {
    const { leaseMs, lookMs, mostMs } = this.#times;
    const began = performance.now();
    let seen: string | undefined;
    let changed = began;
    for (;;) {
      const claim = await this.#read(name);
      const now = performance.now();
      // By this machine's clock alone, if it is right; else by whether somebody goes on renewing it.
      if (claim === undefined || claim.by === this.#by || !(Date.parse(claim.until) > Date.now()))
        return seen !== undefined && (await isThere());
      if (seen === undefined) options.onWait(mostMs);
      if (claim.until !== seen) changed = now;
      seen = claim.until;
      if (now - changed > leaseMs || now - began > mostMs || options.signal.aborted) return false;
      await sleep(lookMs, undefined, { signal: options.signal }).catch(() => undefined);
      if (await isThere()) return true;
    }
  }

  /** A claim that a trusted key has signed of this entry; undefined: there is none. */
  async #read(name: SharedName): Promise<ClaimRecord | undefined> {
    try {
      const manifest = await this.#connection.manifest(claimTag(name));
      const text = manifest && (await this.#connection.envelope(manifest.bytes));
      if (text === undefined) return undefined;
      const opened = openEnvelope(text, this.#trusted, ENTRY_TYPE);
      if (opened.kind !== 'signed') return undefined;
      const record = JSON.parse(opened.payload) as ClaimRecord;
      return record.claim === tagOf(name) ? record : undefined;
    } catch (cause) {
      if (!isOutside(cause)) throw cause;
      return undefined;
    }
  }

  /** Whether it could be written: who cannot write makes the entry without saying so. */
  async #write(name: SharedName, until: number): Promise<boolean> {
    if (this.#key === undefined) return false;
    const record: ClaimRecord = {
      ...{ claim: tagOf(name), by: this.#by },
      ...{ until: new Date(until).toISOString(), pushed: new Date().toISOString() },
    };
    const envelope = Buffer.from(seal(JSON.stringify(record), this.#key, ENTRY_TYPE));
    const { registry, path } = this.#connection;
    try {
      const config = await uploadBytes(registry, path, ENTRY_TYPE, envelope);
      const held = { ...config, data: envelope.toString('base64') };
      const manifest = {
        ...{ schemaVersion: 2, mediaType: MANIFEST, artifactType: ENTRY_TYPE },
        ...{ config: held, layers: [config] },
      };
      const put = await registry.call(
        {
          ...{ method: 'PUT', to: `${path}/manifests/${claimTag(name)}` },
          ...{ headers: { 'Content-Type': MANIFEST }, body: Buffer.from(JSON.stringify(manifest)) },
        },
        [201],
      );
      put.body.resume();
      return true;
    } catch (cause) {
      if (!isOutside(cause)) throw cause;
      return false;
    }
  }
}
