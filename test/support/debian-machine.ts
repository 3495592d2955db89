import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { distribution } from '../../src/distro/distribution.ts';
import { temporaryFolder } from './cli.ts';
import { testContext } from './context.ts';

type After = { after(done: () => void): void };

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Why no machine can be made here; false where it can. */
export function withoutDebianMachine(): string | false {
  if (process.getuid?.() !== 0) return 'a Debian machine is made by root';
  const missing = ['mmdebstrap', 'unshare', 'chroot'].find(
    (one) => spawnSync('sh', ['-c', `command -v ${one}`]).status !== 0,
  );
  return missing === undefined ? false : `${missing} is not on this machine`;
}

export interface MachineRun {
  readonly status: number | null;
  /** Both streams, in their order. */
  readonly output: string;
}

/**
 * A Debian machine without provision: packages of its distribution, and commands that run as its root, in a user namespace
 * of its own (where the kernel keeps interpreters for foreign programs apart, binfmt_misc since Linux 6.7).
 */
export class DebianMachine {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(t: After, packages: readonly string[], suite = 'trixie'): Promise<DebianMachine> {
    const root = join(temporaryFolder(t, 'provision machine '), 'root');
    const mirror = process.env.PROVISION_DEBIAN_MIRROR ?? (await mirrorOfMachine());
    execFileSync(
      'mmdebstrap',
      [
        ...['--quiet', '--variant=apt', `--keyring=${KEYRING}`, '--aptopt=APT::Get::Assume-Yes "true"'],
        ...[`--include=${['ca-certificates', ...packages].join(',')}`, suite, root, mirror],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    // Whoever follows a cure answers apt's question.
    writeFileSync(join(root, 'etc/apt/apt.conf.d/90yes'), 'APT::Get::Assume-Yes "true";\n');
    for (const file of ['/etc/resolv.conf', CERTIFICATES])
      if (existsSync(file)) copyFileSync(file, join(root, file));
    return new DebianMachine(root);
  }

  /** Runs a script of bash to its end, or its failure. */
  async run(script: string, timeoutMs = 10 * 60_000): Promise<MachineRun> {
    const inner = [
      'mount --rbind /dev "$1/dev"; mount -t proc proc "$1/proc"',
      'mount -t binfmt_misc none "$1/proc/sys/fs/binfmt_misc"',
      `exec chroot "$1" /usr/bin/env -i HOME=/root LANG=C.UTF-8 CARGO_TERM_COLOR=never DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -c 'PATH=$HOME/.cargo/bin:$PATH'"
$2" 2>&1`,
    ].join('\n');
    const namespaces = 'unshare --mount --pid --fork --kill-child --propagation private';
    const child = spawn(
      'unshare',
      [
        ...['--user', 'sh', '-c', `read -r _; exec ${namespaces} sh -ec "$0" machine "$@" < /dev/null`],
        // The shell starts what comes last, too: the first process of a namespace cannot be ended by signals of its own.
        ...[inner, this.root, `set -e\n${script}\nexit`],
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const own = readlinkSync('/proc/self/ns/user');
    while (readlinkSync(`/proc/${child.pid}/ns/user`) === own) await setTimeout(10);
    for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, '0 0 65536\n');
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.stdin.end('go\n');
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    });
    clearTimeout(timer);
    return { status, output };
  }

  /** Puts files into a folder of the machine. */
  put(folder: string, files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.root, folder, name);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
    }
  }
}

/** The mirror that apt of this machine reads from. */
async function mirrorOfMachine(): Promise<string> {
  const { urls, why } = await distribution.locate(testContext(), []);
  assert.ok(urls[0] !== undefined, why);
  return urls[0];
}
