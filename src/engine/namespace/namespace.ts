import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { machine as machineName, release } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { runProcess } from '../../exec/process.ts';
import { interrupted } from '../../failure.ts';
import { onDisk } from '../../store/disk.ts';
import { ownTag } from '../../store/process-tag.ts';
import { type Emulation, oncePerKind } from '../emulation.ts';
import type { Engine, EngineDeps, ProbeEngine, SandboxSpec } from '../engine.ts';
import { isProgramMachine } from '../instructions.ts';
import { NO_MACHINE } from '../registration.ts';
import { TOOL_ENV } from '../tool-env.ts';
import { emulationSupport } from './emulation.ts';
import { describeFeatures, type Features, idMaps } from './features.ts';
import { makePrivate } from './layout.ts';
import { explainRefusals } from './refusal.ts';
import { removeFolder } from './remove.ts';
import { makeNamespaces } from './run.ts';
import { type Machine, openSandbox, prepare } from './sandbox.ts';
import type { Refusal } from './setup.ts';
import { findTools, type Tools } from './tools.ts';

/**
 * The embedded engine: namespaces of the Linux kernel, made with the programs of util-linux; no daemon, no root.
 * Finds out by making one sandbox how much the machine grants. Failures: `engine/missing-tool`,
 * `engine/namespaces-forbidden`.
 */
export const probeNamespaceEngine: ProbeEngine = async (context, deps) => {
  const tools = await findTools();
  if (!tools.ok) return tools;
  const probed = await onDisk(deps.scratch, () => probe(context, deps, tools.value));
  const machine = probed.ok ? probed.value : probed;
  if (!machine.ok) return machine;
  const version = await toolVersion(tools.value, context.signal);
  if (!version.ok) return version;
  if (deps.limits !== undefined) {
    const message = 'The limits of the recipe are not held to by the engine `namespace`; `docker` does.';
    context.emit({ type: 'notice', level: 'info', code: 'engine/no-limits', message });
  }
  const engine: Engine = {
    info: {
      name: 'namespace',
      version: `${version.value}, Linux ${release()}`,
      detail: describeFeatures(machine.value.features),
    },
    open: (spec: SandboxSpec) =>
      openSandbox({
        machine: machine.value,
        deps,
        spec: nameable(context, tools.value, spec),
        folder: sandboxFolder(deps),
        signal: context.signal,
      }),
    emulation: oncePerKind((elf) => emulationSupport(machine.value, engine, sandboxFolder(deps), elf)),
  };
  return ok(engine);
};

/** A host name is a convenience: without the tool that sets it the machine's own stays, and we say so. */
function nameable(context: Context, tools: Tools, { hostname, ...spec }: SandboxSpec): SandboxSpec {
  if (hostname === undefined) return spec;
  if (tools.hostname !== undefined) return { ...spec, hostname };
  const message = `The sandbox keeps this machine's host name: there is no \`hostname\` here to call it ${hostname}.`;
  context.emit({ type: 'notice', level: 'info', code: 'hostname-kept', message });
  return spec;
}

/** Everything at first; what the machine refuses is left out, as long as a sandbox remains one. */
async function probe(context: Context, deps: EngineDeps, tools: Tools): Promise<Result<Machine>> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const refusals: Refusal[] = [];
  let features: Features | undefined = allOf(uid !== 0);
  while (features !== undefined) {
    const refused = refusals.findLast(({ step }) => step === 'emulation');
    const ids = await idMaps(features, uid, gid);
    const machine: Machine = { tools, features, idMaps: ids, uid, gid, ...defined({ refused }) };
    const refusal = await attempt(context, deps, machine);
    if (!refusal.ok) return refusal;
    if (refusal.value === undefined) return ok(machine);
    refusals.push(refusal.value);
    features = without(features, refusal.value, tools);
  }
  return err(await explainRefusals(refusals.filter(({ step }) => step !== 'emulation')));
}

function allOf(userNamespace: boolean): Features {
  const emulation = isProgramMachine(machineName());
  return { userNamespace, unprivileged: true, ownProc: true, loopback: 'sys', terminals: true, emulation };
}

/** What to try next; undefined when nothing is left that could be done without. */
function without(features: Features, { step, evidence }: Refusal, tools: Tools): Features | undefined {
  const refused = (path: string): boolean => evidence.some((line) => line.includes(`/${path}: `));
  const loopback = features.loopback === 'sys' && tools.ip !== undefined ? 'ip' : 'down';
  const inner = step === 'keeper' || step === 'map';
  const less: Partial<Features> = {
    ...(inner ? { unprivileged: false } : {}),
    // Without any user namespace of the sandbox's own it would be the machine that gets the registration.
    ...(step === 'emulation' || (inner && !features.userNamespace) ? { emulation: false } : {}),
    ...(step === 'loopback' ? { loopback } : {}),
    ...(step === 'mount' && refused('root/proc') ? { ownProc: false } : {}),
    ...(step === 'mount' && refused('run/sys') ? { loopback } : {}),
    ...(step === 'mount' && refused('root/dev/pts') ? { terminals: false } : {}),
  };
  const helps = Object.entries(less).some(([name, value]) => features[name as keyof Features] !== value);
  if (helps) return { ...features, ...less };
  return features.userNamespace ? undefined : allOf(true);
}

/** Makes one empty sandbox; the refusal, if any. */
async function attempt(
  context: Context,
  deps: EngineDeps,
  machine: Machine,
): Promise<Result<Refusal | undefined>> {
  const folder = sandboxFolder(deps);
  try {
    const empty = join(folder, 'empty');
    await mkdir(empty, { recursive: true });
    const emulation: Emulation = { launcher: ['/emulator'], elf: NO_MACHINE };
    const spec: SandboxSpec = { rootfs: empty, mounts: [], network: 'none', emulation };
    const box = await prepare({ machine, deps, spec, folder, signal: context.signal });
    if (!box.ok) return box;
    const run = join(folder, 'run');
    const namespaces = await makeNamespaces(box.value, run, await makePrivate(box.value.layout, run));
    if (namespaces.ok) await namespaces.value.end();
    if (context.signal.aborted) return err(interrupted());
    return ok(namespaces.ok ? undefined : namespaces.error);
  } finally {
    await removeFolder(folder);
  }
}

/** The name says whose it is: the store sweeps what a process that was killed left behind. */
function sandboxFolder(deps: EngineDeps): string {
  return join(deps.scratch, `${ownTag()}.sandbox-${randomBytes(4).toString('hex')}`);
}

async function toolVersion(tools: Tools, signal: AbortSignal): Promise<Result<string>> {
  const run = await runProcess({ argv: [tools.unshare, '--version'], env: TOOL_ENV, signal });
  if (!run.ok) return run;
  const text = Buffer.from(run.value.stdout).toString('utf8');
  return ok(/util-linux [\d.]+/.exec(text)?.[0] ?? text.trim());
}
