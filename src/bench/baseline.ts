import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostCargo } from '../build/host-cargo.ts';
import { writeEnvFiles } from '../build/view.ts';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { quoteWord, shellCommand } from '../domain/shell.ts';
import { PATHS } from '../engine/paths.ts';
import type { BuildEnv } from '../env/env.ts';
import { runProcess } from '../exec/process.ts';
import type { Planned, Prepared } from '../pipeline/prepare.ts';
import { environment } from './measure.ts';

export interface Baseline {
  /** Milliseconds to create both roots with mmdebstrap. */
  readonly debootstrapMs: number;
  /** Milliseconds to fetch the crates and build. */
  readonly buildMs: number;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes the same toolchain, sysroot and program by hand, without this tool: mmdebstrap, chroot, cargo. */
export async function measureBaseline(
  context: Context,
  input: { planned: Planned; prepared: Prepared; mirror: string; keyring: string; folder: string },
): Promise<Result<Baseline>> {
  const { plan } = input.planned;
  const cargo = await hostCargo(context.settings, plan.cargo, { config: input.prepared.env.cargoConfig });
  if (!cargo.ok) return cargo;
  await mkdir(join(input.folder, 'env'), { recursive: true });
  await writeEnvFiles(join(input.folder, 'env'), input.prepared.env, cargo.value);
  const script = join(input.folder, 'by-hand.sh');
  await writeFile(script, baselineScript());
  await chmod(script, 0o755);
  const env = {
    PATH,
    ...environment(context),
    MIRROR: input.mirror,
    KEYRING: input.keyring,
    SUITE: plan.toolchain.suite,
    TOOLS: plan.toolchain.rootfs.packages.join(','),
    TOOLS_ARCH: plan.toolchain.rootfs.architecture,
    LIBS: [
      ...plan.sysroot.sysroot.packages,
      ...(plan.rustStd.from === 'packages' ? plan.rustStd.tree.packages : []),
    ].join(','),
    LIBS_ARCH: plan.sysroot.sysroot.architecture,
    PROJECT: plan.recipe.project.folder,
    CA: context.settings.caBundle ?? '',
    BUILD_ENV: Object.entries({ ...input.prepared.env.variables, ...cargo.value.env })
      .map(([name, value]) => `export ${name}=${quoteWord(value)}`)
      .join('\n'),
    OBJECTS: objectsScript(input.prepared.env),
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
      what: 'The build by hand failed, so there is no baseline to compare with.',
      fix: [
        'See the output below. `mmdebstrap` must be installed (`apt-get install mmdebstrap`), and you must be root.',
      ],
      evidence: Buffer.from(exit.value.stderr).toString('utf8').trimEnd().split('\n').slice(-20),
    });
  }
  return ok({ debootstrapMs: middle - start, buildMs: end - middle });
}

/** Compiles what the link arguments name. */
function objectsScript({ compiled }: BuildEnv): string {
  const commands = Object.entries(compiled?.objects ?? {}).map(([source, object]) =>
    shellCommand([...(compiled?.compiler ?? []), '-c', `${PATHS.env}/${source}`, '-o', object]),
  );
  return [`mkdir -p ${PATHS.linked}`, ...commands].join(' && ');
}

/** The script takes its inputs from the environment: nothing is interpolated into its text. */
function baselineScript(): string {
  return `set -eu
mark() { echo "MARK $(date +%s%3N)"; }
mark
mmdebstrap --quiet --variant=essential --keyring="$KEYRING" --architectures="$TOOLS_ARCH" --include="$TOOLS" "$SUITE" tools "$MIRROR" >&2
mmdebstrap --quiet --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --keyring="$KEYRING" --architectures="$LIBS_ARCH" --include="$LIBS" "$SUITE" libs "$MIRROR" >&2
mark
mkdir -p tools/sysroot tools/job/project tools/job/target tools/job/cargo tools/job/.cargo
cp -r env tools/job/env
cp env/cargo-config.toml tools/job/.cargo/config.toml
mount --bind libs tools/sysroot
mount --bind "$PROJECT" tools/job/project
mount -t proc proc tools/proc
cp /etc/resolv.conf tools/etc/resolv.conf
if [ -n "$CA" ]; then cp "$CA" tools/job/ca.pem; fi
eval "$BUILD_ENV"
/usr/sbin/chroot tools sh -c "$OBJECTS" >&2
/usr/sbin/chroot tools sh -c 'cd /job/project && cargo fetch --locked && cargo build --locked --offline '"$CARGO_ARGS" >&2
mark
umount tools/proc tools/job/project tools/sysroot
`;
}
