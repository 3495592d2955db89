import { tmpdir } from 'node:os';
import type { Context, Settings } from '../../src/domain/context.ts';
import type { Event } from '../../src/events.ts';

export interface TestContext extends Context {
  /** Everything that was emitted. */
  readonly events: Event[];
  /** As Ctrl-C does. */
  abort(): void;
}

/** A context that notes what is emitted; settings that are not given are those of a plain run. */
export function testContext(settings: Partial<Settings> = {}): TestContext {
  const events: Event[] = [];
  const controller = new AbortController();
  return {
    settings: {
      store: tmpdir(),
      jobs: 2,
      offline: false,
      frozen: false,
      mirrors: [],
      proxies: {},
      home: tmpdir(),
      cwd: tmpdir(),
      engine: 'auto',
      docker: { tlsVerify: false, certPath: tmpdir(), config: tmpdir(), home: tmpdir() },
      verbose: false,
      ...settings,
    },
    emit: (event) => events.push(event),
    signal: controller.signal,
    events,
    abort: () => controller.abort(),
  };
}
