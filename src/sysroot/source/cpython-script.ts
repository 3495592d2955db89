import { type CPythonBuild, isShared, type SourceSysroot } from '../../domain/definitions.ts';
import { libraryFolder, libraryName } from '../../domain/python.ts';
import { shellWord } from '../../domain/shell.ts';
import { PATHS } from '../../engine/paths.ts';
import { unpackStep } from './script.ts';

/** What CPython's Makefile prints when it begins the next part of a training → name of that part. */
export const PROFILE_PHASES: Readonly<Record<string, string>> = {
  'Building with support for profile generation:': 'instrumented build',
  'Running code to generate profile data': 'training',
};

/** Where a training sees its script. */
export const TRAINING = '/job/training.py';

/** Where it sees the locked profile. */
export const PROFILE = '/job/profile.profdata';

/** Where the build sees our own patches. */
export const OWN_PATCHES = '/job/patches';

/**
 * Parts of the standard library that serve testing CPython or need what no target has; and the folder for packages, which
 * is made with the first of them: while it is not there, a start need not look into it.
 */
const LEFT_OUT = [
  './test',
  './idlelib',
  './turtledemo',
  './ensurepip/_bundled',
  './site-packages',
  '__pycache__',
];

/**
 * The shell script that builds and lays out a CPython: configure, make, then by hand what `make install` would
 * do and more: one archive with everything that libpython needs of its own, or the shared library and its extension modules; and
 * the standard library compiled.
 */
export function cpythonScript(
  definition: SourceSysroot,
  archives: { readonly upstream: string; readonly distribution?: string },
  interpreter = `/usr/bin/python${definition.python.version}`,
): string {
  return [
    sourceStep(definition, archives),
    standardLibrary(definition),
    configureStep(definition, interpreter),
    makeStep(definition),
    verifyProfile(definition),
    archiveObject(definition),
    installStep(definition),
  ].join('\n');
}

function sourceStep(
  { source: { cpython } }: SourceSysroot,
  archives: { readonly upstream: string; readonly distribution?: string },
): string {
  return [
    unpackStep(archives, cpython.patches),
    ...cpython.ownPatches.map(
      ({ name }) =>
        `phase patch\nsay patch ${name}\npatch -p1 --batch --forward --silent < ${OWN_PATCHES}/${name}\n`,
    ),
  ].join('\n');
}

/**
 * The shell script that makes a profile: CPython compiled to count, and the training run with it. The counts are left in
 * `$OUT/usr/profile.profdata`.
 */
export function profileScript(
  definition: SourceSysroot,
  archives: { readonly upstream: string; readonly distribution?: string },
  interpreter = `/usr/bin/python${definition.python.version}`,
): string {
  return [
    sourceStep(definition, archives),
    'export LLVM_PROFDATA="$("$CC" -print-prog-name=llvm-profdata)"',
    configureStep(definition, interpreter, true),
    `phase make
make -j"$JOBS" PROFILE_TASK=${TRAINING} profile-run-stamp
`,
    VERIFY_TRAINING,
    `say "compiler $("$CC" --version | sed -n 's/.*clang version \\([0-9.]*\\).*/\\1/p' | head -1)"
mkdir -p "$OUT/usr"
cp code.profclangd "$OUT/usr/profile.profdata"
`,
  ].join('\n');
}

/** Answers to checks that ask the machine that builds, not the target: whether there is a network, and two devices. */
const TARGET_ANSWERS = ['ac_cv_buggy_getaddrinfo=no', 'ac_cv_file__dev_ptmx=yes', 'ac_cv_file__dev_ptc=no'];

const OTHER_BUILD = '--build="$(echo "$BUILD" | sed s/-/-build-/)"';

/** `interpreter` is of the version that is built; `counting`: for a training on this machine. */
function configureStep(
  { source: { cpython } }: SourceSysroot,
  interpreter: string,
  counting = false,
): string {
  const target = cpython.cross
    ? ['--host="$HOST"', `--with-build-python=${interpreter}`, ...TARGET_ANSWERS]
    : [];
  const own = cpython.configure.map(shellWord);
  // By another name of the same machine a build for it counts as one for another, too: no program of its own is linked on the way.
  const build = cpython.cross && !counting ? OTHER_BUILD : '--build="$BUILD"';
  // Not --with-lto: it would repeat the link for each program.
  const flavour = counting ? ['--enable-optimizations'] : [];
  const words = [build, '--prefix=/usr', ...target, ...flavour, ...own];
  return `phase configure
printf %s ${shellWord(cpython.setup)} > Modules/Setup.local
answer_by_running configure
if ! ./configure ${words.join(' ')}; then
  say config-log
  [ ! -e config.log ] || cat config.log
  exit 1
fi
`;
}

/** Whether extension modules of the standard library are files of their own. */
function hasModulesBeside(cpython: CPythonBuild): boolean {
  return isShared(cpython) && cpython.env.MODULE_BUILDTYPE !== 'static';
}

/**
 * What the training never ran is made no smaller for it, and slower: scripts run it. Without this the codecs of `base64` take a
 * tenth longer, some a fifth.
 */
const NOT_SMALLER = '-mllvm -pgso=false';

/** What every file of CPython is compiled with for what `optimization` asks, beside the Makefile's own. */
function optimizationFlags({ optimization }: CPythonBuild): readonly string[] {
  return [
    // What it does not know is counted by the lines that these print.
    ...(optimization.includes('pgo')
      ? [`-fprofile-instr-use=${PROFILE}`, '-Wprofile-instr-missing', '-Wno-backend-plugin', NOT_SMALLER]
      : []),
    ...(optimization.includes('lto') ? ['-flto=thin'] : []),
  ];
}

/** What clang prints of a profile that lacks something → what is added up of it. */
export const PROFILE_COUNTS = {
  'files-unprofiled': /no profile data available for file/,
  'functions-unknown': /of \d+ functions?, (\d+) ha(?:s|ve) no data/,
  'functions-changed': /of \d+ functions?, (\d+) ha(?:s|ve) mismatched data/,
} as const;

function makeStep({ source: { cpython } }: SourceSysroot): string {
  const flags = optimizationFlags(cpython);
  const more =
    flags.length === 0 ? '' : ` CFLAGS_NODIST="$(sed -n 's/^CFLAGS_NODIST=//p' Makefile) ${flags.join(' ')}"`;
  const targets = isShared(cpython) ? 'all' : '-f parts.mk parts';
  const beside = hasModulesBeside(cpython) ? LIST_MODULES : '';
  return `phase make
${partsOf(cpython)}say "total $(make -n ${targets} 2>/dev/null | grep -c -- ' -c ' || true)"
make -j"$JOBS"${more} ${targets}
say "modules $(sed -n 's/^ *{"\\([^"]*\\)", PyInit_.*/\\1/p' Modules/config.c | tr '\\n' ' ')${beside}"
grep -E '^MODULE_[A-Z0-9_]*_STATE=missing' Makefile | sed 's/^MODULE_\\([A-Z0-9_]*\\)_STATE=missing.*/\\1/' | tr 'A-Z' 'a-z' |
  while read -r name; do say "missing $name missing"; done
`;
}

/** What programs are linked with, and the build's facts; not an interpreter, which nobody starts. */
function partsOf(cpython: CPythonBuild): string {
  const own = becomesOneObject(cpython) ? oneObject(cpython) : 'parts: $(LIBRARY) $(OWN_ARCHIVES)\n';
  return `cat > parts.mk <<'END'
include Makefile
# Archives of their own, which libpython does not hold.
OWN_ARCHIVES := $(LIBMPDEC_A) $(LIBEXPAT_A) $(LIBHACL_SHA2_A)
${own}parts: pybuilddir.txt
END
`;
}

/** Whether libpython is optimized at link time before programs are linked with it; a shared one is when it is linked itself. */
function becomesOneObject(cpython: CPythonBuild): boolean {
  return cpython.optimization.includes('lto') && !isShared(cpython);
}

/**
 * Optimization at link time: libpython becomes one object of machine code, so that programs are linked with it as quickly, and by
 * any compiler, as with any other. Thin: each file is optimized by itself with what it calls of others, on all cores, and to the same
 * bytes on any number of them.
 */
function oneObject(cpython: CPythonBuild): string {
  return `parts: together.o
together.o: $(LIBRARY_OBJS) $(OWN_ARCHIVES)
	@echo '::phase optimization at link time'
	"$$LD" -r --lto-O3 ${codegenOptions(cpython)} --whole-archive $^ -o $@
	@echo '::lto $(words $(LIBRARY_OBJS)) objects in one'
`;
}

const LIST_MODULES = ` $(find Modules -maxdepth 1 -name '*.so' | sed 's,.*/,,; s,\\..*,,' | sort | tr '\\n' ' ')`;

/** Fails the build if no profile was used: nothing else would show it. */
function verifyProfile({ source: { cpython } }: SourceSysroot): string {
  if (!cpython.optimization.includes('pgo')) return '';
  return cpython.optimization.includes('lto') ? VERIFY_IN_BITCODE : VERIFY_IN_SECTIONS;
}

/** Every function with counts says in the compiler's intermediate code how often it was entered. */
const VERIFY_IN_BITCODE = `phase profile
grep -q function_entry_count Python/ceval.o ||
  { echo 'error: the interpreter loop was compiled without the profile: Python/ceval.o has no counts'; exit 1; }
`;

/** Functions that are hot get a section of that name, or those that are never run. */
const VERIFY_IN_SECTIONS = `phase profile
"$READELF" -SW Python/ceval.o | grep -q ' \\.text\\.\\(hot\\|unlikely\\)' ||
  { echo 'error: the interpreter loop was compiled without the profile: Python/ceval.o has neither hot nor cold sections'; exit 1; }
`;

const VERIFY_TRAINING = `phase profile
[ -s code.profclangd ] || { echo 'error: the training left no profile (code.profclangd)'; exit 1; }
counted=$("$LLVM_PROFDATA" show --function=_PyEval_EvalFrameDefault --counts code.profclangd)
count=$(echo "$counted" | sed -n 's/^ *Function count: //p' | head -1)
functions=$(echo "$counted" | sed -n 's/^Total functions: //p' | head -1)
[ "\${count:-0}" -gt 0 ] || { echo 'error: the profile knows no run of the interpreter loop'; exit 1; }
say "profile $functions functions profiled, the interpreter loop entered $count times"
`;

/** The object is the whole archive: what has archives of its own is in it, too. */
function archiveObject({ source: { cpython }, python }: SourceSysroot): string {
  if (!becomesOneObject(cpython)) return '';
  return `find Modules -name '*.a' -exec rm {} +
"$AR" rcs lib${libraryName(python)}.a together.o
`;
}

/** Options of the code generator are not kept in objects that are not machine code yet. */
function codegenOptions({ env, optimization }: CPythonBuild): string {
  const own = [...(env.OPT ?? '').matchAll(/-mllvm \S+/g)].map(([option]) => option);
  return [...own, ...(optimization.includes('pgo') ? [NOT_SMALLER] : [])].join(' ');
}

/** Laid out and compiled beside configure, which keeps one core busy. */
function standardLibrary({ source: { cpython }, python }: SourceSysroot): string {
  const stdlib = `usr/lib/${libraryFolder(python)}`;
  const leftOut = [...LEFT_OUT, ...(cpython.leftOut ?? []).map((name) => `./${name}`)];
  return `phase standard library
mkdir -p "$OUT/${stdlib}" "$OUT/usr/include" "$OUT/usr/share"
tar -C Lib -cf - ${leftOut.map((name) => `--exclude=${name}`).join(' ')} . | tar -C "$OUT/${stdlib}" -xf - --no-same-owner
compile_modules() {
  PYTHONPYCACHEPREFIX=/job/build/pyc python${python.version} -S -c ${shellWord(COMPILE)} "$1" "$OUT/usr" ${PATHS.interpreter}
}
compile_modules "$OUT/${stdlib}" > bytecode.log 2>&1 &
bytecode=$!
`;
}

function installStep({ source: { cpython }, python }: SourceSysroot): string {
  const stdlib = `usr/lib/${libraryFolder(python)}`;
  const library = libraryName(python);
  const shared = isShared(cpython);
  return `phase install
cp "$(cat pybuilddir.txt)"/_sysconfigdata_*.py "$OUT/${stdlib}/"
# What license() shows.
cp LICENSE "$OUT/${stdlib}/LICENSE.txt"
make inclinstall DESTDIR="$OUT" > /dev/null
${hasModulesBeside(cpython) ? `install -Dm644 -t "$OUT/${stdlib}/lib-dynload" Modules/*.so\n` : ''}${shared ? `cp -P lib${library}.so* "$OUT/usr/lib/"` : mergeArchives(library)}
phase bytecode
wait "$bytecode" || { cat bytecode.log; exit 1; }
compile_modules "$OUT/${stdlib}"/_sysconfigdata_*.py
mv "/job/build/pyc$OUT/${stdlib}" "$OUT/usr/share/${libraryFolder(python)}-bytecode"
`;
}

/** Everything that libpython needs of CPython's own, in one archive. */
function mergeArchives(name: string): string {
  const archive = `usr/lib/lib${name}.a`;
  return `{
  echo "create $OUT/${archive}"
  echo "addlib lib${name}.a"
  # expat, mpdec and the hashes of HACL: archives of their own, which libpython does not hold.
  find Modules -name '*.a' | sort | sed 's/^/addlib /'
  echo save
  echo end
} | "$AR" -M
"$RANLIB" "$OUT/${archive}"`;
}

/**
 * Compiles with the names that tracebacks are to have. Single process, fixed order and hash seed: marshal's output
 * depends on what was compiled before in the process.
 */
const COMPILE = `import compileall, py_compile, sys
names = dict(stripdir=sys.argv[2], prependdir=sys.argv[3], invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
if sys.argv[1].endswith('.py'):
    done = compileall.compile_file(sys.argv[1], quiet=1, force=True, **names)
else:
    done = compileall.compile_dir(sys.argv[1], quiet=1, workers=1, force=True, **names)
sys.exit(0 if done else 1)
`;
