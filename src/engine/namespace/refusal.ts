import { readFile } from 'node:fs/promises';
import { exists } from '../../exec/files.ts';
import type { Failure } from '../../failure.ts';
import type { Refusal } from './setup.ts';

export interface Cause {
  readonly why: string;
  readonly fix: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  mnt: 'mount',
  pid: 'process',
  ipc: 'IPC',
  uts: 'UTS',
  net: 'network',
  user: 'user',
};

/** Turns what the kernel refused into what a user can do about it, from what the machine says of itself. */
export async function explainRefusals(refusals: readonly Refusal[]): Promise<Failure> {
  const found = [
    await missingTypes(),
    await exhausted(refusals),
    await cloneForbidden(),
    await confinedByAppArmor(),
    foreignTools(refusals),
  ].filter((cause) => cause !== undefined);
  const causes = found.length > 0 ? found : [await unsaidCause(refusals)];
  return {
    code: 'engine/namespaces-forbidden',
    what: `This machine does not let us make a sandbox of namespaces: ${stepsOf(refusals)}.`,
    why: causes.map(({ why }) => why).join(' '),
    fix: [...causes.flatMap(({ fix }) => fix), 'Or use Docker or Podman: `--engine docker`.'],
    evidence: [...new Set(refusals.flatMap(({ evidence }) => evidence))],
  };
}

function stepsOf(refusals: readonly Refusal[]): string {
  const descriptions: Readonly<Record<Refusal['step'], string>> = {
    unshare: 'namespaces were refused',
    keeper: 'a user namespace was refused',
    map: 'user ids could not be mapped',
    mount: 'a mount was refused',
    loopback: 'the loopback could not be brought up',
    hostname: 'the host name could not be set',
    emulation: 'an emulator could not be registered',
    pivot: 'the root could not be swapped',
    time: 'nothing happened for a minute',
  };
  return [...new Set(refusals.map(({ step }) => descriptions[step]))].join(', then ');
}

/** A kernel built without a type of namespace has no such file: namespaces(7). */
async function missingTypes(): Promise<Cause | undefined> {
  const missing: string[] = [];
  for (const [file, name] of Object.entries(TYPES))
    if (!(await exists(`/proc/self/ns/${file}`))) missing.push(name);
  if (missing.length === 0) return undefined;
  return {
    why: `This kernel is built without ${missing.join(', ')} namespaces.`,
    fix: ['Use a kernel that has them: those of all large distributions do.'],
  };
}

/** Limits of namespaces(7), ENOSPC: zero forbids, any other number may be used up. */
async function exhausted(refusals: readonly Refusal[]): Promise<Cause | undefined> {
  const zero: string[] = [];
  for (const type of Object.keys(TYPES)) {
    const name = `max_${type}_namespaces`;
    if ((await sysctl(`user/${name}`)) === '0') zero.push(`user.${name}`);
  }
  if (zero.length > 0) {
    return {
      why: `The limit ${zero.map((name) => `${name} = 0`).join(', ')} forbids them.`,
      fix: zero.map((name) => keep(name, '15000')),
    };
  }
  if (!hasMessage(refusals, 'No space left on device')) return undefined;
  return {
    why: 'The limit on the number of namespaces (user.max_*_namespaces, or 32 levels of them) is used up.',
    fix: [keep('user.max_user_namespaces', '15000')],
  };
}

/** A switch of Debian's and Ubuntu's kernels. */
async function cloneForbidden(): Promise<Cause | undefined> {
  if ((await sysctl('kernel/unprivileged_userns_clone')) !== '0') return undefined;
  const name = 'kernel.unprivileged_userns_clone';
  return { why: `${name} = 0 keeps user namespaces to root.`, fix: [keep(name, '1')] };
}

/** Ubuntu 23.10 and later: a program without a profile that grants `userns` gets a namespace without powers. */
export async function confinedByAppArmor(): Promise<Cause | undefined> {
  const name = 'kernel.apparmor_restrict_unprivileged_userns';
  if (process.getuid?.() === 0 || ((await sysctl(name.replace('.', '/'))) ?? '0') === '0') return undefined;
  const profile =
    'abi <abi/4.0>,\\nprofile provision-unshare /usr/bin/unshare flags=(unconfined) {\\n  userns,\\n}\\n';
  return {
    why: `AppArmor takes the powers out of user namespaces of programs without a profile (${name} = 1).`,
    fix: [
      `Give them back: ${keep(name, '0')}`,
      `Or to \`unshare\` alone: \`printf '${profile}' | sudo tee /etc/apparmor.d/provision-unshare && sudo apparmor_parser -r /etc/apparmor.d/provision-unshare\``,
    ],
  };
}

/** The `unshare` of BusyBox knows neither `--kill-child` nor long names of all options. */
function foreignTools(refusals: readonly Refusal[]): Cause | undefined {
  if (!hasMessage(refusals, 'unrecognized option') && !hasMessage(refusals, 'BusyBox')) return undefined;
  return {
    why: 'The `unshare` or `mount` found here is not the one of util-linux.',
    fix: ['Install `util-linux`.'],
  };
}

/** What it may be when no setting says. */
async function unsaidCause(refusals: readonly Refusal[]): Promise<Cause> {
  if (!hasMessage(refusals, 'Operation not permitted') && !hasMessage(refusals, 'ermission denied')) {
    return { why: 'No setting of this machine tells why.', fix: ['See the message of the system below.'] };
  }
  return (
    (await confinement()) ?? {
      why: 'The kernel does not permit it to us, and no setting of this machine tells why: a security module (SELinux, AppArmor, Landlock), a chroot or a confined service refuses namespaces so.',
      fix: ['Run it outside of that confinement (not in a chroot), or as root.'],
    }
  );
}

/** Whether we run in a container or under a filter of system calls. */
export async function confinement(): Promise<Cause | undefined> {
  const container = (await exists('/.dockerenv')) || (await exists('/run/.containerenv'));
  const filtered = /^Seccomp:\s*2$/m.test(await readFile('/proc/self/status', 'utf8'));
  return container || filtered ? confinedCause(container, filtered) : undefined;
}

/** Container engines filter unshare(2), mount(2) and setns(2) with seccomp, and mounts with AppArmor. */
function confinedCause(container: boolean, filtered: boolean): Cause {
  const where = container ? 'We run in a container' : 'We run under a seccomp filter';
  const options =
    '--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined';
  return {
    why: `${where}${container && filtered ? ' with a seccomp filter' : ''}: such confinement refuses namespaces or mounts.`,
    fix: [`Start the container with \`docker run ${options} …\` (Podman takes the same options).`],
  };
}

function hasMessage(refusals: readonly Refusal[], text: string): boolean {
  return refusals.some(({ evidence }) => evidence.some((line) => line.includes(text)));
}

function keep(name: string, value: string): string {
  return `\`sudo sysctl -w ${name}=${value}\` (to stay: \`echo '${name}=${value}' | sudo tee /etc/sysctl.d/60-provision.conf\`)`;
}

async function sysctl(name: string): Promise<string | undefined> {
  return readFile(`/proc/sys/${name}`, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
