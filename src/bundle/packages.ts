import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Engine } from '../engine/engine.ts';
import { hostPip } from '../engine/host-pip.ts';
import { runTool } from '../engine/tool.ts';
import type { Failure } from '../failure.ts';
import type { Store, StoreEntry } from '../store/store.ts';

/** Incremented when equal requirements give different files. */
const PACKAGES_VERSION = 1;

export interface PackagesInput {
  /** Text of a requirements file, every line with its digests. */
  readonly requirements: string;
  /** The target triple, for messages. */
  readonly triple: string;
  readonly minor: string;
  /** Platform tags of compatible wheels, best first; if empty, only platform-independent wheels are installed. */
  readonly platforms: readonly string[];
  /** Why there are no platform tags. */
  readonly why?: string;
  /** Root that holds the reference interpreter and pip's wheel. */
  readonly reference: { readonly folder: string; readonly fingerprint: string };
  /** Path of the reference interpreter's program. */
  readonly python: string;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** The packages, in the folder `site` of the entry. */
export type Packages = StoreEntry<{ readonly site: string }>;

const SCRIPT_AT = '/job/install_packages.py';
const REQUIREMENTS_AT = '/job/requirements.txt';
const SITE_AT = '/job/site';

/** Installs Python packages with pip, from the index that this machine is configured for; pip verifies the digests. */
export function obtainPackages(
  context: Context,
  store: Store,
  input: PackagesInput,
): Promise<Result<Packages>> {
  const inputs = {
    what: 'python packages',
    version: PACKAGES_VERSION,
    requirements: input.requirements,
    minor: input.minor,
    platforms: input.platforms,
    // It contains pip, and the interpreter whose environment markers are evaluated.
    reference: input.reference.fingerprint,
  };
  return store.obtain<{ site: string }>('builds', inputs, (folder) => install(context, input, folder), {
    signal: context.signal,
  });
}

async function install(
  context: Context,
  input: PackagesInput,
  folder: string,
): Promise<Result<{ site: string }>> {
  if (context.settings.offline) return err(offline());
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, `packages-${input.triple}.log`);
  await writeFile(log, '');
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, input.requirements);
  const pip = await hostPip(context.settings);
  const sandbox = await engine.value.open({
    rootfs: input.reference.folder,
    network: 'host',
    mounts: [
      {
        kind: 'source',
        source: join(context.settings.home, 'src', 'bundle', 'install_packages.py'),
        at: SCRIPT_AT,
      },
      { kind: 'source', source: requirements, at: REQUIREMENTS_AT },
      { kind: 'scratch', at: SITE_AT },
      ...pip.mounts,
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const abi = `cp${input.minor.replace('.', '')}`;
  const site = `${SITE_AT}/site`;
  const run = await runTool(context, box, {
    stage: 'packages',
    code: 'fetch/packages',
    doing: `Installing Python packages for ${input.triple}`,
    fix: [
      "Check the network, the proxy settings, the CA bundle and pip's own configuration; then run the same command again.",
    ],
    log,
    command: {
      argv: [
        ...[
          input.python,
          '-I',
          SCRIPT_AT,
          distribution.python.wheels,
          REQUIREMENTS_AT,
          site,
          input.minor,
          abi,
        ],
        ...input.platforms,
      ] as [string, ...string[]],
      env: {
        ...{
          PATH: '/usr/bin:/bin',
          LANG: 'C.UTF-8',
          TMPDIR: SITE_AT,
          SOURCE_DATE_EPOCH: '0',
          COLUMNS: '200',
        },
        ...pip.env,
      },
      cwd: SITE_AT,
    },
  });
  if (!run.ok) return err(await explain(run.error, input, log));
  await rm(requirements);
  const copied = await box.copyOut(site, join(folder, 'site'));
  return copied.ok ? ok({ site: 'site' }) : copied;
}

/** Recognizes pip's messages about wheels and digests; any other failure is returned unchanged. */
async function explain(failure: Failure, input: PackagesInput, log: string): Promise<Failure> {
  const output = await readFile(log, 'utf8');
  const missing = /No matching distribution found for ([^\s(]+)/.exec(output)?.[1];
  if (missing !== undefined) {
    return {
      ...failure,
      code: 'fetch/no-wheel',
      what: `There is no wheel of ${missing} for CPython ${input.minor} on ${input.triple}.`,
      why:
        input.why ??
        'The index that pip is configured for has no compatible wheel, and packages are never compiled here.',
      fix: [
        'Use a version that has one, or configure an index that does (`pip config set global.index-url …`).',
        'Or leave it out for this target, with a separate recipe that sets `python.packages`.',
      ],
    };
  }
  if (/DO NOT MATCH THE HASHES/.test(output)) {
    return {
      ...failure,
      code: 'fetch/wheel-digest',
      what: 'A wheel from the index does not have the digest given in `python.packages`.',
      fix: [
        'It was not installed. Give the digests of the wheels for the target and for the reference: `pip hash <wheel>`.',
      ],
    };
  }
  if (/[Ii]n --require-hashes mode/.test(output)) {
    return {
      ...failure,
      code: 'recipe/python-packages',
      what: 'A package in `python.packages` lacks its version or its digests.',
      fix: [
        'Write `name==version --hash=sha256:…` for every package and its dependencies: `pip-compile --generate-hashes`.',
      ],
    };
  }
  return failure;
}

function offline(): Failure {
  return {
    code: 'fetch/packages-offline',
    what: 'The Python packages of this recipe are not in the store, and --offline prevents fetching them.',
    fix: ['Run once without `--offline`.'],
  };
}

/** The oldest glibc that wheels are named for (PEP 600), and the musl ones that there are (PEP 656). */
const OLDEST_GLIBC = 5;
const MUSL = ['1_2', '1_1'];

/**
 * Platform tags of the wheels that a target runs, best first: up to the glibc in its run-time tree. A program without a
 * program interpreter loads no extension modules.
 */
export function wheelPlatforms(
  target: Target,
  rootfs: readonly LockedPackage[],
): Pick<PackagesInput, 'platforms' | 'why'> {
  if (target.elf?.interpreter === undefined) {
    const why = `Programs for ${target.rustTriple} are static and load no extension modules: only pure Python packages can be used.`;
    return { platforms: [], why };
  }
  const { machine } = target;
  if (target.libc === 'musl') return { platforms: MUSL.map((version) => `musllinux_${version}_${machine}`) };
  const libc = rootfs.find(({ name }) => /^libc\d+(\.\d+)?$/.test(name))?.version;
  const minor = Number(/^2\.(\d+)/.exec(libc ?? '')?.[1] ?? OLDEST_GLIBC);
  const platforms: string[] = [];
  for (let version = minor; version >= OLDEST_GLIBC; version -= 1) {
    platforms.push(`manylinux_2_${version}_${machine}`);
    // The names of before PEP 600.
    const old = { 17: 'manylinux2014', 12: 'manylinux2010', 5: 'manylinux1' }[version];
    if (old !== undefined) platforms.push(`${old}_${machine}`);
  }
  return { platforms };
}

/** The package folder of the interpreter in a tree, relative to its prefix; a distribution may have patched it. */
export async function sitePath(
  root: string,
  python: Pick<PythonDistribution, 'stdlib' | 'minor'>,
): Promise<string> {
  const site = await readFile(join(root, python.stdlib, 'site.py'), 'utf8').catch(() => '');
  return distribution.python.sitePackages(site) ?? `lib/python${python.minor}/site-packages`;
}
