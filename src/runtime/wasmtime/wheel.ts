import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { RuntimeDefinition } from '../../domain/definitions.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import type { Engine } from '../../engine/engine.ts';
import { hostPip } from '../../engine/host-pip.ts';
import { runTool } from '../../engine/tool.ts';
import type { Failure } from '../../failure.ts';
import type { Store, StoreEntry } from '../../store/store.ts';

export interface WheelInput {
  readonly definition: RuntimeDefinition;
  /** Root that holds the interpreter of this machine. */
  readonly interpreter: StoredTree;
  /** Its program. */
  readonly python: string;
  /** Root that holds pip as a wheel (`usr/share/python-wheels`) and CA certificates. */
  readonly rootfs: StoredTree;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** wasmtime's shared library, `library` in the entry's folder. */
export type Library = StoreEntry<{ readonly library: string }>;

const SHARE_AT = '/opt/share';
const REQUIREMENTS_AT = '/job/requirements.txt';
const SCRIPT_AT = '/job/fetch_wheel.py';
const SCRATCH_AT = '/job/wheel';
const LIBRARY = 'library.so';

/**
 * The library of a locked wheel, fetched by the reference interpreter's pip from the index that this machine is set
 * to use. pip checks the digest; the index does not decide what is taken.
 */
export function obtainLibrary(context: Context, store: Store, input: WheelInput): Promise<Result<Library>> {
  const { wheel, version, library } = input.definition;
  const inputs = { what: 'wheel', project: wheel.project, version, digest: wheel.digest, library };
  return store.obtain<{ library: string }>('builds', inputs, (folder) => fetch(context, input, folder), {
    signal: context.signal,
  });
}

async function fetch(
  context: Context,
  input: WheelInput,
  folder: string,
): Promise<Result<{ library: string }>> {
  const { wheel, version, library } = input.definition;
  if (context.settings.offline) return err(offline(input.definition));
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'wasmtime.log');
  await writeFile(log, '');
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, `${wheel.project}==${version} --hash=${wheel.digest}\n`);
  const pip = await hostPip(context.settings);
  const sandbox = await engine.value.open({
    rootfs: input.interpreter.folder,
    network: 'host',
    mounts: [
      { kind: 'tree', source: join(input.rootfs.folder, 'usr/share'), at: SHARE_AT },
      {
        kind: 'source',
        source: join(context.settings.home, 'src', 'runtime', 'wasmtime', 'fetch_wheel.py'),
        at: SCRIPT_AT,
      },
      { kind: 'source', source: requirements, at: REQUIREMENTS_AT },
      { kind: 'scratch', at: SCRATCH_AT },
      ...pip.mounts,
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const run = await runTool(context, box, {
    stage: 'runtime',
    code: 'fetch/wheel',
    doing: `Fetching ${wheel.project} ${version} with pip`,
    fix: [
      "Check the network, the proxy settings, the CA bundle and pip's own configuration; then run the same command again.",
    ],
    log,
    command: {
      argv: [input.python, '-I', SCRIPT_AT, SHARE_AT, REQUIREMENTS_AT, SCRATCH_AT, library, LIBRARY],
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TMPDIR: SCRATCH_AT, ...pip.env },
      cwd: SCRATCH_AT,
    },
  });
  if (!run.ok) return err(explain(run.error, input.definition));
  await rm(requirements);
  const copied = await box.copyOut(`${SCRATCH_AT}/${LIBRARY}`, join(folder, LIBRARY));
  return copied.ok ? ok({ library: LIBRARY }) : copied;
}

/** Distinguishes what pip reports about digests and versions from everything else that can go wrong. */
function explain(failure: Failure, { wheel, version }: RuntimeDefinition): Failure {
  const output = (failure.evidence ?? []).join('\n');
  if (/DO NOT MATCH THE HASHES/.test(output)) {
    return {
      ...failure,
      code: 'fetch/wheel-digest',
      what: `The wheel of ${wheel.project} ${version} that the index has is not the locked one.`,
      fix: [
        'Nothing of it was used. Find out where the index has its wheel from, or set pip to use another index.',
      ],
    };
  }
  if (/No matching distribution found/.test(output)) {
    return {
      ...failure,
      code: 'fetch/wheel-not-found',
      what: `The index that pip is set to use has no wheel of ${wheel.project} ${version} for this machine.`,
      fix: ['Set pip to an index that has it: `pip config set global.index-url …`, or `PIP_INDEX_URL`.'],
    };
  }
  return failure;
}

function offline({ wheel, version }: RuntimeDefinition): Failure {
  return {
    code: 'fetch/wheel-offline',
    what: `The wheel of ${wheel.project} ${version} is not in the store, and nothing is fetched with --offline.`,
    fix: ['Run once without `--offline`.'],
  };
}
