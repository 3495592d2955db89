import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../src/domain/result.ts';
import { probeDockerEngine } from '../../src/engine/docker/docker.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Store } from '../../src/store/store.ts';
import type { TestContext } from './context.ts';
import type { TestEngine } from './dockerd.ts';
import { dockerContext, storeIn } from './fake-docker.ts';
import { makeRootfs } from './rootfs.ts';
import { type EngineBench, freshSeconds, value } from './sandboxes.ts';

/** A bench on an engine of the test's own. */
export interface DockerBench extends EngineBench {
  readonly store: Store;
  readonly under: TestEngine;
}

/** A root tree kept in a store, and the engine on it. */
export async function makeDockerBench(under: TestEngine): Promise<DockerBench> {
  const folder = mkdtempSync(join(tmpdir(), `provision docker ä,:;'$ `));
  const make = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };
  const store = await storeIn(folder);
  const rootfs = await storedTree(store, 'rootfs', async (root) => void makeRootfs(root));
  const engine = value(await probe(under, folder, store)).engine;
  return { folder, rootfs, engine, seconds: freshSeconds(), make, store, under };
}

export async function removeDockerBench({
  folder,
  engine,
}: Pick<DockerBench, 'folder' | 'engine'>): Promise<void> {
  await engine.close?.();
  rmSync(folder, { recursive: true, force: true });
}

/** An entry of the store, as the stages make them. */
export async function storedTree(
  store: Store,
  name: string,
  fill: (root: string) => Promise<void>,
): Promise<string> {
  const entry = await store.obtain(
    'trees',
    { name },
    async (root) => {
      await fill(root);
      return { ok: true, value: null };
    },
    { signal: new AbortController().signal },
  );
  return value(entry).folder;
}

/** Selects the engine again, as another run of the tool does. */
export async function probe(
  under: TestEngine,
  folder: string,
  store: Store,
): Promise<Result<{ readonly engine: Engine; readonly context: TestContext }>> {
  const context = dockerContext(folder, `docker:unix://${under.socket}`);
  const engine = await probeDockerEngine(context, { store });
  return engine.ok ? { ok: true, value: { engine: engine.value, context } } : engine;
}
