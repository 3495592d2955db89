import type { PythonStart } from '../domain/definitions.ts';

/** Functions of libpython that start it, and around which the linker puts those of the source below (ld(1), `--wrap`). */
export const CONFIGURED_STARTS = ['Py_InitializeFromConfig', 'Py_InitializeFromInitConfig'] as const;

/**
 * C source that is linked into a program whose libpython has something to be switched on by a variable, and no other way: its
 * just-in-time compiler. Nothing is put into the environment, where scripts and children would see it: the program has a
 * `getenv` of its own, which libpython is bound to, as to every function of the program that it names. It answers for
 * variables that the environment has not, and asks the C library for all others.
 *
 * An isolated interpreter reads no environment (`Py_GETENV` asks `Py_IgnoreEnvironmentFlag`). The flag is lifted from the
 * import of `posix`, the first module after the configuration is complete, until the start is over; for as long the answers
 * for Python's other variables are that they are not set.
 *
 * After a start `shows` has to be true, unless the environment decided otherwise: else the program ends.
 *
 * Without headers: it is compiled with few flags, for any C library. Everything of Python is weak: there are programs without it.
 */
export function pythonStartSource({ environment, shows }: PythonStart): string {
  const entries = Object.entries(environment).map(([name, value]) => `{"${name}", "${value}"}`);
  const message = `provision: ${shows} is not true: ${Object.keys(environment).join(', ')} had no effect`;
  return `typedef struct { int type; const char *function, *message; int code; } status;
struct builtin { const char *name; void *(*start)(void); };

void *dlsym(void *, const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, __SIZE_TYPE__);

__attribute__((weak)) extern struct builtin *PyImport_Inittab;
__attribute__((weak)) extern int Py_IgnoreEnvironmentFlag;
__attribute__((weak)) int PyRun_SimpleStringFlags(const char *, void *);
__attribute__((weak)) status __real_Py_InitializeFromConfig(const void *);
__attribute__((weak)) int __real_Py_InitializeFromInitConfig(void *);

static const struct { const char *name; char *value; } ours[] = {${entries.join(', ')}};
enum { COUNT = sizeof ours / sizeof *ours };

static int starting, isolated;
static void *(*posix_start)(void);
static char *(*next)(const char *);

static char *system_getenv(const char *name) {
  if (!next) next = (char *(*)(const char *))dlsym((void *)-1L, "getenv");
  return next ? next(name) : 0;
}

char *getenv(const char *name) {
  char *set = isolated && !strncmp(name, "PYTHON", 6) ? 0 : system_getenv(name);
  int i;
  for (i = 0; i < COUNT && !(set && *set); i++)
    if (!strcmp(name, ours[i].name)) return ours[i].value;
  return set;
}

static void *start_posix(void) {
  if (starting && Py_IgnoreEnvironmentFlag) {
    isolated = 1;
    Py_IgnoreEnvironmentFlag = 0;
  }
  return posix_start();
}

void provision_before_start(void) {
  struct builtin *one;
  starting = 1;
  if (posix_start || !&PyImport_Inittab) return;
  for (one = PyImport_Inittab; one->name; one++)
    if (!strcmp(one->name, "posix")) {
      posix_start = one->start;
      one->start = start_posix;
    }
}

/* succeeded: the interpreter is there. */
void provision_after_start(int succeeded) {
  int i, decided = 0;
  if (!isolated)
    for (i = 0; i < COUNT; i++) {
      char *set = system_getenv(ours[i].name);
      if (set && *set) decided = 1;
    }
  if (isolated) Py_IgnoreEnvironmentFlag = 1;
  starting = isolated = 0;
  if (succeeded && !decided)
    PyRun_SimpleStringFlags(
      "if not (lambda sys: ${shows})(__import__('sys')): raise SystemExit(\\"${message}\\")\\n", 0);
}

status __wrap_Py_InitializeFromConfig(const void *config) {
  status ended;
  provision_before_start();
  ended = __real_Py_InitializeFromConfig(config);
  provision_after_start(ended.type == 0);
  return ended;
}

int __wrap_Py_InitializeFromInitConfig(void *config) {
  int ended;
  provision_before_start();
  ended = __real_Py_InitializeFromInitConfig(config);
  provision_after_start(ended == 0);
  return ended;
}
`;
}
