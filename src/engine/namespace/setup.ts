import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { err, ok, type Result } from '../../domain/result.ts';
import { TOOL_ENV } from '../tool-env.ts';
import type { Features, IdMaps } from './features.ts';
import type { Tools } from './tools.ts';

/**
 * Process 1 of a sandbox: makes the mounts, swaps the roots and waits. It speaks to us in lines on its stdout (`init`
 * with its process id, then `ready` or `fail <step>`); its stderr is what the tools it calls print. Nothing of the
 * new root is needed: what runs after the swap is this shell, loaded before, and its builtins.
 *
 * The keeper is a second shell in the namespaces that programs are to join. It reads from us until we close that pipe:
 * when we end, however we end, the keeper ends, process 1 ends after it, and the kernel ends all others in the sandbox.
 * Process ids are the host's as long as the host's /proc is seen.
 */
const SETUP_SCRIPT = `
set -u
fail() { echo "fail $1"; exit 1; }
IFS=' ' read -r init rest </proc/self/stat || fail unshare
echo "init $init"
{
  if [ -n "$NS_USERS" ]; then exec "$NS_UNSHARE" --user -- "$NS_SH" -c "$NS_KEEPER"; fi
  exec "$NS_SH" -c "$NS_KEEPER"
} | {
  IFS= read -r keeper || fail keeper
  if [ -n "$NS_USERS" ]; then
    printf '%s\\n' "$NS_USERS" >"/proc/$keeper/uid_map" || fail map
    printf '%s\\n' "$NS_GROUPS" >"/proc/$keeper/gid_map" || fail map
  fi
  "$NS_MOUNT" -a -T "$NS_FSTAB" || fail mount
  if [ -n "$NS_SYS" ]; then echo 1 >"$NS_SYS/class/net/lo/flags" || fail loopback; fi
  if [ -n "$NS_IP" ]; then "$NS_IP" link set lo up || fail loopback; fi
  if [ -n "$NS_HOSTNAME" ]; then "$NS_HOSTNAME_TOOL" "$NS_HOSTNAME" || fail hostname; fi
  enter() { "$NS_PIVOT_ROOT" "$NS_ROOT" "$NS_OLD_ROOT" || fail pivot; echo "ready $keeper"; }
  case $NS_EMULATE in
  '') enter ;;
  here) "$NS_SH" -c "$NS_REGISTRAR" | { IFS= read -r word || fail emulation; enter; } ;;
  keeper)
    "$NS_NSENTER" "--user=/proc/$keeper/ns/user" -- "$NS_UNSHARE" --mount -- "$NS_SH" -c "$NS_REGISTRAR" |
      { IFS= read -r word || fail emulation; enter; }
    ;;
  esac
}
`;

/** Its standard output stays open: what waits for its end reads from there. */
const KEEPER_SCRIPT = `
IFS=' ' read -r pid rest </proc/self/stat && echo "$pid" && read -r end
`;

/**
 * Registers an emulator for a user namespace: binfmt_misc of Linux 6.7 and later keeps the registrations of each apart, and
 * has them as long as it is mounted or a file of it is open. Programs do not see it: the swap of the roots takes the mount
 * away, or it is in a mount namespace of its own. It ends with the keeper.
 */
const REGISTRAR_SCRIPT = `
"$NS_MOUNT" -t binfmt_misc none "$NS_BINFMT" && exec 3<"$NS_BINFMT/status" || exit
printf '%s' "$NS_REGISTRATION" >"$NS_BINFMT/register" && echo registered && exec >/dev/null && read -r end
`;

/** Milliseconds; a healthy set-up takes about ten. */
const SETUP_LIMIT_MS = 60_000;

export interface SetupSpec {
  readonly tools: Tools;
  readonly features: Features;
  readonly idMaps: IdMaps | undefined;
  readonly network: 'none' | 'host';
  readonly hostname?: string;
  /** Host paths. */
  readonly fstab: string;
  readonly root: string;
  readonly oldRoot: string;
  /** Where the fstab mounts a `/sys` for the loopback. */
  readonly sys?: string;
  readonly registration?: Registration;
  /** Working folder of the set-up. */
  readonly cwd: string;
}

/** An emulator, to be registered in the user namespace of the programs. */
export interface Registration {
  /** What is written to `register` of binfmt_misc; a relative path in it is looked for in the set-up's working folder. */
  readonly line: string;
  /** Folder of the host to mount binfmt_misc on. */
  readonly at: string;
}

/** Why a sandbox did not come up. */
export interface Refusal {
  readonly step:
    | 'unshare'
    | 'keeper'
    | 'map'
    | 'mount'
    | 'loopback'
    | 'hostname'
    | 'emulation'
    | 'pivot'
    | 'time';
  /** Words of the system's tools. */
  readonly evidence: readonly string[];
}

/** A live set of namespaces, with the old root still mounted at `oldRoot`. */
export interface Namespaces {
  /** Process id, on the host, of process 1. */
  readonly init: number;
  /** Process id, on the host, of the process whose namespaces programs join. */
  readonly keeper: number;
  /** Ends every process in them; resolves when none is left, and with them no mount. */
  end(): Promise<void>;
}

/** Makes the namespaces and the mounts of one command. An abort ends the attempt; the caller looks at the signal. */
export async function startNamespaces(
  spec: SetupSpec,
  signal: AbortSignal,
): Promise<Result<Namespaces, Refusal>> {
  const child = spawn(spec.tools.unshare, unshareArguments(spec), {
    cwd: spec.cwd,
    env: { ...TOOL_ENV, ...scriptVariables(spec) },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C on the terminal reaches us only, and we end it.
    detached: true,
  });
  const setup = new Setup(child);
  const abort = (): void => void setup.end();
  const timer = setTimeout(() => setup.timeOut(), SETUP_LIMIT_MS);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const outcome = await setup.outcome;
  signal.removeEventListener('abort', abort);
  clearTimeout(timer);
  if (!outcome.ok) await setup.end();
  return outcome.ok ? outcome : err({ ...outcome.error, evidence: setup.messages() });
}

function unshareArguments({ tools, features, network }: SetupSpec): readonly string[] {
  const own = ['--mount', '--pid', '--ipc', '--uts', ...(network === 'none' ? ['--net'] : [])];
  const make = [...own, '--fork', '--kill-child', '--', tools.sh, '-c', SETUP_SCRIPT];
  // In two steps: the files of a network namespace belong to whom its user namespace knows when it is made.
  return features.userNamespace ? ['--user', '--map-root-user', '--', tools.unshare, ...make] : make;
}

function scriptVariables({ tools, idMaps, ...spec }: SetupSpec): Record<string, string> {
  const withIp = spec.network === 'none' && spec.features.loopback === 'ip';
  return {
    NS_SH: tools.sh,
    NS_UNSHARE: tools.unshare,
    NS_MOUNT: tools.mount,
    NS_PIVOT_ROOT: tools.pivot_root,
    NS_HOSTNAME_TOOL: tools.hostname ?? 'hostname',
    NS_KEEPER: KEEPER_SCRIPT,
    NS_USERS: idMaps?.users ?? '',
    NS_GROUPS: idMaps?.groups ?? '',
    NS_FSTAB: spec.fstab,
    NS_ROOT: spec.root,
    NS_OLD_ROOT: spec.oldRoot,
    NS_SYS: spec.sys ?? '',
    NS_IP: withIp ? (tools.ip ?? '') : '',
    NS_HOSTNAME: spec.hostname ?? '',
    NS_NSENTER: tools.nsenter,
    NS_EMULATE: registrar(spec),
    NS_REGISTRAR: REGISTRAR_SCRIPT,
    NS_REGISTRATION: spec.registration?.line ?? '',
    NS_BINFMT: spec.registration?.at ?? '',
  };
}

/**
 * Which user namespace gets the registration: the one that the sandbox is made in, whose root may mount, or, where that is
 * the machine's, the keeper's.
 */
function registrar({ features, registration }: Omit<SetupSpec, 'tools' | 'idMaps'>): '' | 'here' | 'keeper' {
  if (registration === undefined) return '';
  return features.userNamespace ? 'here' : 'keeper';
}

/** The conversation with one set-up script. */
class Setup {
  readonly outcome: Promise<Result<Namespaces, Refusal>>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #messages: Buffer[] = [];
  #init: number | undefined;
  #refuse: (refusal: Refusal) => void = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
    // The keeper reads this until its end; that the end comes first is no error.
    child.stdin?.on('error', () => {});
    child.stderr?.on('data', (chunk: Buffer) => this.#messages.push(chunk));
    this.outcome = new Promise((resolve) => {
      this.#refuse = (refusal) => resolve(err(refusal));
      this.#listen((namespaces) => resolve(ok(namespaces)));
    });
  }

  #listen(ready: (namespaces: Namespaces) => void): void {
    const child = this.#child;
    child.once('error', (cause) => {
      this.#messages.push(Buffer.from(cause.message));
      this.#refuse({ step: 'unshare', evidence: [] });
    });
    void this.#closed.then(() => this.#refuse({ step: 'unshare', evidence: [] }));
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, value = ''] = line.split(' ');
      if (word === 'init') this.#init = Number(value);
      if (word === 'fail') this.#refuse({ step: value as Refusal['step'], evidence: [] });
      if (word === 'ready' && this.#init !== undefined) {
        ready({ init: this.#init, keeper: Number(value), end: () => this.end() });
      }
    });
  }

  timeOut(): void {
    this.#refuse({ step: 'time', evidence: [] });
  }

  messages(): readonly string[] {
    const lines = Buffer.concat(this.#messages).toString('utf8').split('\n');
    // `unshare` before util-linux 2.40 says so when we end its child.
    const own = 'sigprocmask unblock failed';
    return lines.filter((line) => line.trim() !== '' && !line.includes(own)).slice(-20);
  }

  /** Kills process 1: the kernel kills all others of the namespace before anyone can see that it is gone. */
  async end(): Promise<void> {
    const child = this.#child;
    child.stdin?.destroy();
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      if (this.#init === undefined) child.kill('SIGKILL');
      else killIfAlive(this.#init);
    }
    if (child.pid !== undefined) await this.#closed;
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
