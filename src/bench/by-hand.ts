import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { quoteWord } from '../domain/shell.ts';
import { runProcess } from '../exec/process.ts';
import type { Planned, Prepared } from '../pipeline/prepare.ts';
import { environment } from './measure.ts';

export interface ByHand {
  /** Milliseconds: making both roots with mmdebstrap. */
  readonly debootstrapMs: number;
  /** Milliseconds: fetching crates and building. */
  readonly buildMs: number;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The same toolchain, sysroot and program as a person makes them without this tool: mmdebstrap, chroot, cargo. */
export async function byHand(
  context: Context,
  input: { planned: Planned; prepared: Prepared; mirror: string; keyring: string; folder: string },
): Promise<Result<ByHand>> {
  const { plan } = input.planned;
  await mkdir(input.folder, { recursive: true });
  const script = join(input.folder, 'by-hand.sh');
  await writeFile(script, handScript());
  await chmod(script, 0o755);
  const env = {
    PATH,
    ...environment(context),
    MIRROR: input.mirror,
    KEYRING: input.keyring,
    SUITE: plan.toolchain.suite,
    TOOLS: plan.toolchain.rootfs.packages.join(','),
    TOOLS_ARCH: plan.toolchain.rootfs.architecture,
    LIBS: plan.sysroot.sysroot.packages.join(','),
    LIBS_ARCH: plan.sysroot.sysroot.architecture,
    PROJECT: plan.recipe.project.folder,
    CA: context.settings.caBundle ?? '',
    PYO3_CONFIG: input.prepared.env.pyo3Config,
    BUILD_ENV: Object.entries(input.prepared.env.variables)
      .map(([name, value]) => `export ${name}=${quoteWord(value)}`)
      .join('\n'),
    CARGO_ARGS: `--target ${plan.target.rustTriple} --bin ${plan.recipe.project.bin} --profile ${plan.recipe.project.profile}`,
  };
  const exit = await runProcess({
    argv: ['unshare', '--mount', 'sh', script],
    env,
    cwd: input.folder,
    signal: context.signal,
  });
  if (!exit.ok) return exit;
  const marks =
    Buffer.from(exit.value.stdout)
      .toString('utf8')
      .match(/^MARK \d+$/gm) ?? [];
  const [start, middle, end] = marks.map((mark) => Number(mark.slice('MARK '.length)));
  if (exit.value.status !== 0 || start === undefined || middle === undefined || end === undefined) {
    return err({
      code: 'engine/bench-by-hand',
      what: 'The work by hand failed, so there is nothing to compare with.',
      fix: [
        'Read the lines below; `mmdebstrap` must be installed (`apt-get install mmdebstrap`) and you must be root.',
      ],
      evidence: Buffer.from(exit.value.stderr).toString('utf8').trimEnd().split('\n').slice(-20),
    });
  }
  return ok({ debootstrapMs: middle - start, buildMs: end - middle });
}

/** Everything the script needs comes through its environment: no text is pasted into it. */
function handScript(): string {
  return `set -eu
mark() { echo "MARK $(date +%s%3N)"; }
mark
mmdebstrap --quiet --variant=essential --keyring="$KEYRING" --architectures="$TOOLS_ARCH" --include="$TOOLS" "$SUITE" tools "$MIRROR" >&2
mmdebstrap --quiet --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --keyring="$KEYRING" --architectures="$LIBS_ARCH" --include="$LIBS" "$SUITE" libs "$MIRROR" >&2
mark
mkdir -p tools/sysroot tools/job/project tools/job/env tools/job/target tools/job/cargo
printf '%s' "$PYO3_CONFIG" > tools/job/env/pyo3-config.txt
mount --bind libs tools/sysroot
mount --bind "$PROJECT" tools/job/project
mount -t proc proc tools/proc
cp /etc/resolv.conf tools/etc/resolv.conf
if [ -n "$CA" ]; then cp "$CA" tools/job/ca.pem; export CARGO_HTTP_CAINFO=/job/ca.pem; fi
eval "$BUILD_ENV"
/usr/sbin/chroot tools sh -c 'cd /job/project && cargo fetch --locked && cargo build --locked --offline '"$CARGO_ARGS" >&2
mark
umount tools/proc tools/job/project tools/sysroot
`;
}
