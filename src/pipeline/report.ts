import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Report, ReportTree } from '../domain/report.ts';
import { reportStatus, totalsOf } from '../domain/report.ts';
import type { Failure } from '../failure.ts';
import type { Progress } from '../pipeline.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Host } from './prepare.ts';
import type { Session } from './session.ts';
import type { Locked } from './trees.ts';

export interface ReportInput {
  readonly session: Session;
  readonly progress: Progress;
  readonly failure?: Failure;
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly host: Host;
  readonly version: string;
  /** Absolute folder of the report. */
  readonly artifacts: string;
}

/** Makes the report of a run, however far it came; undefined when not even the recipe was understood. */
export function makeReport(input: ReportInput): Report | undefined {
  const { session, progress, failure, started, host } = input;
  const { planned, outcome } = progress;
  if (planned === undefined) return undefined;
  const { plan } = planned;
  const { stages, notices } = session.recorder;
  const engine = session.engineUsed();
  const samples = outcome?.results ?? [];
  const finished = Date.now();
  return {
    schema: 1,
    tool: { name: 'provision', version: input.version },
    status: reportStatus(failure),
    recipe: plan.recipe.name,
    target: { name: plan.target.name, triple: plan.target.rustTriple },
    plan: `sha256:${createHash('sha256').update(JSON.stringify(plan)).digest('hex')}`,
    started: new Date(started).toISOString(),
    finished: new Date(finished).toISOString(),
    ms: finished - started,
    artifacts: shown(input.artifacts, session),
    host: { machine: host.machine, cores: availableParallelism() },
    ...(engine === undefined ? {} : { engine: engine.info }),
    ...pythonPart(progress),
    ...treesPart(progress),
    ...bundlePart(input),
    stages: [...stages],
    bytes: { downloaded: planned.trees.downloaded(), unpacked: unpackedBytes(progress) },
    notices: [...notices],
    blockers: session.recorder.book?.summaries() ?? [],
    samples,
    totals: totalsOf(samples, outcome?.cached ?? 0),
    logs: [...toolLogs(input.artifacts), ...(outcome?.logs ?? [])],
    ...defined({ failure }),
  };
}

function pythonPart({ prepared, reference, planned }: Progress): Pick<Report, 'python' | 'reference'> {
  const python = prepared?.python;
  const interpreter = planned?.locks.reference.lock.sets.rootfs?.find(
    ({ name }) => name === planned.plan.reference.tools.python,
  );
  return {
    ...(python === undefined
      ? {}
      : {
          python: {
            version: python.version,
            libpython: `${python.libDir}/lib${python.libName}.${python.linkage === 'dynamic' ? 'so' : 'a'}`,
            linkage: python.linkage,
            sysconfigdata: python.sysconfigdata,
            why: python.why,
          },
        }),
    ...(reference === undefined || interpreter === undefined
      ? {}
      : { reference: { version: interpreter.version, digest: interpreter.digest } }),
  };
}

function treesPart({ planned, toolchain, prepared }: Progress): Pick<Report, 'toolchain' | 'sysroot'> {
  if (planned === undefined) return {};
  const { locks, plan } = planned;
  return {
    ...(toolchain === undefined
      ? {}
      : { toolchain: treePart(plan.toolchain.name, toolchain, locks.toolchain, 'rootfs') }),
    ...(prepared === undefined
      ? {}
      : { sysroot: treePart(plan.sysroot.name, prepared.sysroot, locks.sysroot, 'sysroot') }),
  };
}

function treePart(
  name: string,
  tree: Tree,
  { lock, definition }: Locked,
  set: 'rootfs' | 'sysroot',
): ReportTree {
  const packages = lock.sets[set] ?? [];
  const asked = (set === 'sysroot' && 'sysroot' in definition ? definition.sysroot : definition.rootfs)
    .packages;
  const versions = packages
    .filter((one) => asked.includes(one.name))
    .map((one) => [one.name, one.version] as const);
  return {
    name,
    tree: tree.fingerprint,
    lock: lock.definition,
    packages: packages.length,
    versions: Object.fromEntries(versions),
  };
}

function bundlePart({ progress, session, artifacts }: ReportInput): Pick<Report, 'bundle' | 'packages'> {
  const { bundle, packages = [] } = progress;
  if (bundle === undefined) return {};
  const folder = shown(artifacts, session);
  const { archive, digest, size } = bundle.meta;
  return {
    bundle: { file: join(folder, archive), digest, size },
    ...(packages.length === 0
      ? {}
      : {
          packages: packages.map(({ format, meta }) => ({
            format,
            file: join(folder, meta.file),
            digest: meta.digest,
            size: meta.size,
          })),
        }),
  };
}

/** What the tools printed: also on a later run that finds their work in the store. */
function toolLogs(artifacts: string): readonly string[] {
  const folder = join(artifacts, 'logs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => `logs/${name}`);
}

function unpackedBytes({ toolchain, prepared, reference, rootfs }: Progress): number {
  return [toolchain, prepared?.sysroot, reference, rootfs].reduce(
    (sum, tree) => sum + (tree === undefined || tree.hit ? 0 : tree.meta.bytes),
    0,
  );
}

/** A path as a person in the folder of the command would write it. */
function shown(path: string, { context }: Session): string {
  const short = relative(context.settings.cwd, path);
  return short.startsWith('..') ? path : short;
}
