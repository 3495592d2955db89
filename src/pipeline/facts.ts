import { createHash } from 'node:crypto';
import type { Bundle } from '../bundle/bundle.ts';
import { defined } from '../domain/defined.ts';
import { bringsInterpreter } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
import type { InstalledPackage } from '../domain/python-packages.ts';
import type { ReportTree } from '../domain/report.ts';
import type { BundledData } from '../domain/system-data.ts';
import type { Facts, PlannedRun } from '../events.ts';
import type { RunOutcome } from '../run/run.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Package } from './formats.ts';
import type { Planned } from './prepare.ts';
import type { Locked } from './trees.ts';

/** The facts that reports state of what the stages make. Pure. */
export function plannedRun({ cargo: _ofThisMachine, ...plan }: Plan): PlannedRun {
  return {
    recipe: plan.recipe.name,
    target: { name: plan.target.name, triple: plan.target.rustTriple },
    ...defined({ system: plan.system }),
    plan: `sha256:${createHash('sha256').update(JSON.stringify(plan)).digest('hex')}`,
  };
}

export function toolchainFacts({ plan, locks }: Planned, tree: Tree): Facts {
  return {
    toolchain: withTools(treeFacts(plan.toolchain.name, tree, locks.toolchain, 'rootfs'), tree, locks.tools),
    unpacked: unpackedBytes(tree),
  };
}

export function sysrootFacts({ plan, locks }: Planned, tree: Tree, python: PythonDistribution): Facts {
  return {
    sysroot: treeFacts(plan.sysroot.name, tree, locks.sysroot, 'sysroot'),
    python: {
      version: python.libraryInside === true ? `${python.implementation} ${python.version}` : python.version,
      libpython:
        python.libraryInside === true
          ? `crate ${python.libName}`
          : `${python.libDir}/lib${python.libName}.${python.linkage === 'dynamic' ? 'so' : 'a'}`,
      linkage: python.linkage,
      ...defined({ variant: plan.sysroot.python.variant }),
      sysconfigdata: python.sysconfigdata,
      why: python.why,
    },
    unpacked: unpackedBytes(tree),
  };
}

export function referenceFacts({ plan, locks }: Planned, tree: Tree): Facts {
  // A free-threaded one is built of the same source as the program's libpython.
  const interpreter = bringsInterpreter(plan.sysroot)
    ? locks.sysroot.lock.sets.sources?.find(({ name }) => name === plan.sysroot.source?.cpython.source)
    : locks.reference.lock.sets.rootfs?.find(({ name }) => name === plan.reference.tools.python);
  const unpacked = unpackedBytes(tree);
  if (interpreter === undefined) return { unpacked };
  const { version, digest, architecture } = interpreter;
  const { pointerWidth } = plan.referenceTarget;
  return { reference: { version, digest, architecture, pointerWidth }, unpacked };
}

export function pythonCodeFacts({ python }: Planned, packages: readonly InstalledPackage[]): Facts {
  return { pythonCode: { packages, files: python?.modules?.files.length ?? 0 } };
}

export function systemDataFacts({ tree, data }: { tree: Tree; data: readonly BundledData[] }): Facts {
  return { systemData: data, unpacked: unpackedBytes(tree) };
}

export function rootfsFacts(tree: Tree): Facts {
  return { unpacked: unpackedBytes(tree) };
}

export function bundleFacts({ meta: { archive, digest, size } }: Bundle): Facts {
  return { bundle: { file: archive, digest, size } };
}

export function packagesFacts(packages: readonly Package[]): Facts {
  if (packages.length === 0) return {};
  return {
    packages: packages.map(({ format, meta: { file, digest, size } }) => ({ format, file, digest, size })),
  };
}

export function testsFacts({ results, cached, logs, systems }: RunOutcome): Facts {
  return { tests: { results, cached, logs, systems } };
}

function treeFacts(
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

/** What a recipe adds is part of the toolchain's tree. */
function withTools(image: ReportTree, tree: Tree, tools: Locked | undefined): ReportTree {
  if (tools === undefined) return image;
  const more = treeFacts(image.name, tree, tools, 'rootfs');
  return {
    ...image,
    packages: image.packages + more.packages,
    versions: { ...image.versions, ...more.versions },
  };
}

function unpackedBytes({ hit, meta }: Tree): number {
  return hit ? 0 : meta.bytes;
}
