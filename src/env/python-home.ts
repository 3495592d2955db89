/**
 * C source that is linked into every program. Where a program starts Python with its defaults (PyO3's
 * `auto-initialize`, `Python::initialize`), CPython looks for its standard library along PATH and at the prefix it was
 * configured with: any Python of the machine, or none. This names the bundle that the program is in, where it is in one.
 * The linker puts it before `Py_Initialize` and `Py_InitializeEx` (ld(1), `--wrap`); a program that starts Python by a
 * `PyConfig` calls neither, and nothing of this is in it. PYTHONHOME, and a home that the program itself set, count first.
 *
 * Without headers: it is compiled with few flags, for any C library. Everything of Python is weak: there are programs
 * without it. `stdlib` is where a bundle has its library, e.g. `lib/python3.13`; undefined: where the version that it is started
 * with has it, of a program that any version of libpython serves. `switches`: something is switched on around the start
 * (`python-start.ts`).
 */
export function pythonHomeSource(stdlib: string | undefined, switches = false): string {
  const landmark = (file: string) =>
    stdlib === undefined ? `put(end, of_version("/${file}"))` : `put(end, "/${stdlib}/${file}")`;
  const [before, after] = switches
    ? ['\n  provision_before_start();', '\n  provision_after_start(1);']
    : ['', ''];
  return `typedef __WCHAR_TYPE__ wide;
typedef __SIZE_TYPE__ size;

char *getenv(const char *);
long readlink(const char *, char *, size);
int access(const char *, int);

__attribute__((weak)) void Py_SetPythonHome(const wide *);
__attribute__((weak)) wide *Py_GetPythonHome(void);
__attribute__((weak)) void __real_Py_Initialize(void);
__attribute__((weak)) void __real_Py_InitializeEx(int);
${switches ? 'void provision_before_start(void);\nvoid provision_after_start(int);\n' : ''}
#define LONGEST 4096
static char path[LONGEST + 64];
static wide home[LONGEST];

/* UTF-8; a byte that is none becomes the lone surrogate that Python's own decoding makes of it (PEP 383). */
static void decode(const unsigned char *in, wide *out) {
  while (*in) {
    unsigned first = *in, more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    unsigned code = more == 3 ? first & 7 : more == 2 ? first & 15 : more == 1 ? first & 31 : first;
    unsigned i;
    for (i = 1; i <= more && (in[i] & 0xc0) == 0x80; i++) code = code << 6 | (in[i] & 0x3f);
    if ((first >= 0x80 && more == 0) || i <= more || first > 0xf4 || (more == 2 && code < 0x800) ||
        (more == 3 && (code < 0x10000 || code > 0x10ffff)) || (code >= 0xd800 && code < 0xe000)) {
      code = 0xdc00 + first;
      more = 0;
    }
    *out++ = (wide)code;
    in += 1 + more;
  }
  *out = 0;
}

static int put(long end, const char *tail) {
  long i = 0;
  do path[end + i] = tail[i]; while (tail[i++]);
  return access(path, 0) == 0;
}

${stdlib === undefined ? OF_ANY_VERSION : ''}static void use_bundle(void) {
  long end;
  int up, found = 0;
  if (!Py_SetPythonHome || getenv("PYTHONHOME") || (Py_GetPythonHome && Py_GetPythonHome())) return;
  end = readlink("/proc/self/exe", path, LONGEST);
  if (end <= 0 || end >= LONGEST) return;
  /* Beside the program, as in one file, or beside its folder. */
  for (up = 0; up < 2 && !found; up++) {
    do if (--end < 0) return; while (path[end] != '/');
    found = ${landmark('os.py')} || ${landmark('os.pyc')};
  }
  if (!found) return;
  path[end] = 0;
  decode((const unsigned char *)(end > 0 ? path : "/"), home);
  Py_SetPythonHome(home);
}

void __wrap_Py_Initialize(void) {
  use_bundle();${before}
  __real_Py_Initialize();${after}
}

void __wrap_Py_InitializeEx(int signals) {
  use_bundle();${before}
  __real_Py_InitializeEx(signals);${after}
}
`;
}

/** `/lib/python3.14` of "3.14.8 (main, …)". */
const OF_ANY_VERSION = `__attribute__((weak)) const char *Py_GetVersion(void);

static const char *of_version(const char *file) {
  static char name[64];
  const char *from = "/lib/python", *version = Py_GetVersion ? Py_GetVersion() : "";
  int end = 0, dots = 0;
  while (*from) name[end++] = *from++;
  for (; end < 32 && *version && *version != ' '; version++) {
    if (*version == '.' && ++dots == 2) break;
    name[end++] = *version;
  }
  while (*file) name[end++] = *file++;
  name[end] = 0;
  return name;
}

`;
