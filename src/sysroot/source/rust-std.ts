import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../../domain/errno.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import { PATHS } from '../../engine/paths.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import {
  BUILD_PATHS,
  commonInputs,
  openSourceSandbox,
  type SourceBuildContext,
  sourceEnvironment,
  TOOLS_FOLDER,
  takeOut,
} from './build-context.ts';
import { runScript } from './script.ts';

export type RustStd = StoreEntry<{ readonly libraries: number }>;

/** What the machine's own set-up gives the step that fetches the crates of the standard library. */
export interface CrateAccess {
  /** Text of cargo's `config.toml`. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** Cargo's home where crates are fetched, and where they are compiled. */
  readonly home: { readonly fetch: readonly Mount[]; readonly build: readonly Mount[] };
  /** Makes sure that the crates of a `Cargo.lock` are there and are what it names; `fetch` is called where they may not be. */
  readonly seal: (lock: string, fetch: () => Promise<Result<void>>) => Promise<Result<void>>;
}

/**
 * The Rust standard library of a target that no package has it for, from the locked `rust-src`, by cargo's build-std
 * (The Cargo Book, "Unstable features"), laid out as a rustc sysroot: used through `--sysroot` like any packaged one.
 */
export function buildRustStd(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  crates: () => Promise<Result<CrateAccess>>,
): Promise<Result<RustStd>> {
  const inputs = {
    what: 'rust-std',
    ...commonInputs(buildContext),
    rust: buildContext.target.rustTriple,
    script: buildScript(buildContext),
  };
  return store.obtain('trees', inputs, (folder) => make(context, buildContext, crates, folder), {
    ...{ signal: context.signal, lazily: true, costly: true, reads: [buildContext.toolchain.folder] },
    onWait: () => {
      const message = `Another provision is building the Rust standard library of ${buildContext.target.rustTriple}: waiting for it.`;
      context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
    },
  });
}

async function make(
  context: Context,
  buildContext: SourceBuildContext,
  crates: () => Promise<Result<CrateAccess>>,
  folder: string,
): Promise<Result<{ libraries: number }>> {
  const access = await crates();
  if (!access.ok) return access;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  await mkdir(toolsFolder);
  const config = join(folder, '.cargo-config.toml');
  await writeFile(config, access.value.config);
  const configured: Mount = { kind: 'source', source: config, at: '/job/.cargo/config.toml' };
  const step = { sources: {}, sysroot: buildContext.base.folder, toolsFolder };
  const env = environment(buildContext, context.settings.jobs);
  // Crates are fetched in a step of their own, the only one with network.
  const fetched = await access.value.seal(await lockOfStd(buildContext.toolchain.folder), async () => {
    const fetching = await openSourceSandbox(buildContext, {
      ...step,
      mounts: [configured, ...access.value.home.fetch, ...access.value.mounts],
      network: context.settings.offline ? 'none' : 'host',
    });
    if (!fetching.ok) return fetching;
    await using box = fetching.value;
    const ran = await runScript(context, box, {
      stage: 'rust-std',
      name: 'rust-std-crates',
      script: `phase crates\n${PROJECT}cargo fetch --target "$TARGET" ${STD}${context.settings.offline ? ' --offline' : ''}\n`,
      env: { ...env, ...access.value.env },
      logs: buildContext.logs,
    });
    return ran.ok ? ok(undefined) : ran;
  });
  if (!fetched.ok) return fetched;
  const mounts = [configured, ...access.value.home.build];
  const sandbox = await openSourceSandbox(buildContext, { ...step, mounts });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const reported = await runScript(context, box, {
    stage: 'rust-std',
    name: 'rust-std',
    script: buildScript(buildContext),
    env,
    logs: buildContext.logs,
  });
  if (!reported.ok) return reported;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  await rm(config);
  return ok({ libraries: Number(reported.value.get('libraries')?.[0] ?? 0) });
}

/** The lock of the standard library's crates, as the package of its sources has it; empty where there is none. */
async function lockOfStd(toolchain: string): Promise<string> {
  const sources = join(toolchain, 'usr', 'src');
  const folder = ((await readdir(sources).catch(absentAsUndefined)) ?? []).find((name) =>
    name.startsWith('rustc-'),
  );
  if (folder === undefined) return '';
  return readFile(join(sources, folder, 'library', 'Cargo.lock'), 'utf8').catch(unlessDeviceFailed(''));
}

/** Cargo's target folder. */
const STD_TARGET = `${BUILD_PATHS.build}/target`;

/** Part of the standard library; `panic_unwind` is what a panic that unwinds needs, `test` what `cargo test` does. */
const STD = '-Zbuild-std=std,panic_unwind,test';

/** A crate that needs nothing but the standard library. */
const PROJECT = `cd ${BUILD_PATHS.build}
mkdir -p src
printf '[package]\\nname = "std-of-the-target"\\nversion = "0.0.0"\\nedition = "2021"\\n' > Cargo.toml
: > src/lib.rs
`;

/**
 * Makes it serve every profile of a program, as rustc's own build of it does. `panic = "abort"`: the crate `panic_abort`
 * has that strategy, all others unwind; cargo knows one for all. `lto`: there is bitcode beside the machine code.
 */
const EVERY_PROFILE = `cat > rustc-wrapper <<'END'
#!/bin/sh
case " $* " in
  *" --crate-name panic_abort "*) exec "$@" -C panic=abort ;;
  *) exec "$@" ;;
esac
END
chmod +x rustc-wrapper
export RUSTC_WRAPPER="$PWD/rustc-wrapper" RUSTFLAGS=-Cembed-bitcode=yes
`;

function buildScript({ target, definition }: SourceBuildContext): string {
  const rustlib = `usr/lib/rustlib/${target.rustTriple}/lib`;
  return `phase std
${PROJECT}${EVERY_PROFILE}cargo build --offline --release --target "$TARGET" --jobs "$JOBS" ${STD}
phase install
mkdir -p "$OUT/${rustlib}"
cp ${STD_TARGET}/"$TARGET"/release/deps/*.rlib "$OUT/${rustlib}/"
rm -f "$OUT/${rustlib}"/libstd_of_the_target*
say "libraries $(ls "$OUT/${rustlib}" | wc -l)"
${target.libc === 'musl' ? selfContained(rustlib, definition.compiler.multiarch ?? target.multiarch) : ''}`;
}

/** Libraries that are parts of musl's libc.a, and empty themselves: what names them has to find them. */
const EMPTY = ['dl', 'm', 'pthread', 'resolv', 'rt', 'util', 'xnet'];

/** rustc links static musl programs with start files and a C library of its own sysroot (`self-contained`). */
function selfContained(rustlib: string, multiarch: string): string {
  const musl = `${PATHS.sysroot}/usr/lib/${multiarch}`;
  return `own="$OUT/${rustlib}/self-contained"
mkdir -p "$own"
cp ${['rcrt1.o', 'crt1.o', 'Scrt1.o', 'crti.o', 'crtn.o', 'libc.a'].map((file) => `${musl}/${file}`).join(' ')} "$own/"
cp ${PATHS.sysroot}/usr/lib/gcc/*/*/crtbegin*.o ${PATHS.sysroot}/usr/lib/gcc/*/*/crtend*.o "$own/"
cp "$(find ${PATHS.sysroot}/usr/lib -name libunwind.a | head -1)" "$own/"
chmod u+w "$own/libunwind.a"
"$OBJCOPY" --remove-section=.deplibs "$own/libunwind.a"
cp ${EMPTY.map((name) => `${musl}/lib${name}.a`).join(' ')} "$own/"
cat > fortified.c <<'END'
${FORTIFIED}END
"$CC" -O2 -c fortified.c -o fortified.o
"$AR" rs "$own/libunwind.a" fortified.o
`;
}

/** The packaged libunwind is compiled for glibc with checks of its own in place of two functions of stdio.h. */
const FORTIFIED = `#include <stdarg.h>
#include <stdio.h>
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments) {
  (void)flag;
  return vfprintf(file, format, arguments);
}
int __vsnprintf_chk(char *to, size_t most, int flag, size_t size, const char *format, va_list arguments) {
  (void)flag;
  (void)size;
  return vsnprintf(to, most, format, arguments);
}
`;

function environment(buildContext: SourceBuildContext, jobs: number): Record<string, string> {
  const { target, hostTarget, tools, sourceDateEpoch } = buildContext;
  const { CC = 'cc', AR = 'ar' } = sourceEnvironment(buildContext, jobs);
  const linker = `CARGO_TARGET_${hostTarget.rustTriple.toUpperCase().replaceAll('-', '_')}_LINKER`;
  return {
    PATH: '/usr/bin:/bin',
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    CARGO_HOME: PATHS.cargo,
    CARGO_TARGET_DIR: STD_TARGET,
    CARGO_TERM_COLOR: 'never',
    CARGO_INCREMENTAL: '0',
    // build-std is of cargo's unstable features; the packaged cargo has it, behind this.
    RUSTC_BOOTSTRAP: '1',
    [linker]: tools.linker ?? 'cc',
    CC,
    AR,
    OBJCOPY: tools.objcopy ?? 'objcopy',
    TARGET: target.rustTriple,
    OUT: BUILD_PATHS.out,
    JOBS: String(jobs),
  };
}
