// Runs WASI preview 1 programs in wasmtime's library, by the options of the `wasmtime` program:
//
//   wasmtime [run] [OPTIONS] MODULE [ARGUMENT...]     run a command; its exit status is ours, 134 after a trap
//   wasmtime compile [-W ...] -o FILE MODULE          compile ahead of time, for `run --allow-precompiled FILE`
//   wasmtime --version
//
//   --dir HOST[::GUEST]      folder that the program sees          --env NAME[=VALUE]   variable (inherited without =)
//   -S inherit-env           every variable of ours                --argv0 NAME         what the program is called
//   --allow-precompiled      take a file made by `compile`
//   -W NAME=VALUE[,...]      fuel=N  timeout=N[s|ms]  max-memory-size=BYTES  max-wasm-stack=BYTES
//
// `fuel` and `timeout` change the code that is generated: give them to `compile` too.
//
// The library comes without headers. What is declared here is, word for word, from those of its C API: wasm.h,
// wasi.h, wasmtime/{config,engine,error,extern,func,instance,linker,module,store,trap,wat}.h.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct { size_t size; char *data; } wasm_byte_vec_t;
typedef struct { uint64_t store_id; size_t private_; } wasmtime_instance_t;
typedef struct { uint64_t store_id; void *private_; } wasmtime_func_t;
// The largest member of the union, a table or memory, is 24 bytes.
typedef struct { uint8_t kind; union { wasmtime_func_t func; uint64_t room[4]; } of; } wasmtime_extern_t;
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasi_config_t wasi_config_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;

wasm_config_t *wasm_config_new(void);
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
void wasm_trap_message(const wasm_trap_t *, wasm_byte_vec_t *);
wasi_config_t *wasi_config_new(void);
bool wasi_config_set_argv(wasi_config_t *, size_t, const char *[]);
bool wasi_config_set_env(wasi_config_t *, size_t, const char *[], const char *[]);
void wasi_config_inherit_stdin(wasi_config_t *);
void wasi_config_inherit_stdout(wasi_config_t *);
void wasi_config_inherit_stderr(wasi_config_t *);
bool wasi_config_preopen_dir(wasi_config_t *, const char *host, const char *guest, bool writable);
void wasmtime_config_consume_fuel_set(wasm_config_t *, bool);
void wasmtime_config_epoch_interruption_set(wasm_config_t *, bool);
void wasmtime_config_async_stack_size_set(wasm_config_t *, size_t);
void wasmtime_config_max_wasm_stack_set(wasm_config_t *, size_t);
void wasmtime_engine_increment_epoch(wasm_engine_t *);
void wasmtime_error_message(const wasmtime_error_t *, wasm_byte_vec_t *);
bool wasmtime_error_exit_status(const wasmtime_error_t *, int *);
bool wasmtime_trap_code(const wasm_trap_t *, uint8_t *);
wasmtime_error_t *wasmtime_wat2wasm(const char *, size_t, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_new(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
wasmtime_error_t *wasmtime_module_serialize(wasmtime_module_t *, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_deserialize_file(wasm_engine_t *, const char *, wasmtime_module_t **);
wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
void wasmtime_store_limiter(wasmtime_store_t *, int64_t memory, int64_t elements, int64_t instances, int64_t tables,
                            int64_t memories);
wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
wasmtime_error_t *wasmtime_context_set_wasi(wasmtime_context_t *, wasi_config_t *);
wasmtime_error_t *wasmtime_context_set_fuel(wasmtime_context_t *, uint64_t);
void wasmtime_context_set_epoch_deadline(wasmtime_context_t *, uint64_t);
wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
wasmtime_error_t *wasmtime_linker_define_wasi(wasmtime_linker_t *);
wasmtime_error_t *wasmtime_linker_instantiate(const wasmtime_linker_t *, wasmtime_context_t *,
                                              const wasmtime_module_t *, wasmtime_instance_t *, wasm_trap_t **);
bool wasmtime_instance_export_get(wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t,
                                  wasmtime_extern_t *);
wasmtime_error_t *wasmtime_func_call(wasmtime_context_t *, const wasmtime_func_t *, const void *, size_t, void *,
                                     size_t, wasm_trap_t **);

// Statuses of the `wasmtime` program: a usage mistake, any other failure, a trap (128 + SIGABRT).
enum { USAGE = 2, FAILED = 1, TRAPPED = 134 };
// wasmtime/extern.h: WASMTIME_EXTERN_FUNC.
enum { EXTERN_FUNC = 0 };
// Stack of the thread that the program runs on, beyond what WebAssembly may use: the library's own frames.
#define HOST_STACK (2u << 20)
// Above this the library wants the size of its asynchronous stacks, which must be the greater, to be raised first.
#define DEFAULT_ASYNC_STACK (2u << 20)

static struct {
  const char *module, *output, *argv0;
  bool compile, allow_precompiled, inherit_env;
  int64_t memory;
  uint64_t fuel, timeout_ms, stack;
  const char **args, **names, **values;
  size_t argc, envc;
  struct { char *host; const char *guest; } dirs[64];
  size_t dirc;
} options = {.memory = -1, .stack = 512u << 10};

static void caused(int status, wasm_byte_vec_t *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("Error: ", stderr);
  vfprintf(stderr, format, list);
  va_end(list);
  fprintf(stderr, "\n\nCaused by:\n    %.*s\n", text ? (int)text->size : 64, text ? text->data : strerror(errno));
  _exit(status);
}

static void check(wasmtime_error_t *error, const char *what) {
  if (error == NULL) return;
  wasm_byte_vec_t text;
  wasmtime_error_message(error, &text);
  caused(FAILED, &text, "failed to %s `%s`", what, options.module);
}

static void usage(const char *what, const char *word) {
  fprintf(stderr, "error: %s '%s'\n\nUsage: wasmtime run [OPTIONS] MODULE [ARGUMENT...]\n", what, word);
  exit(USAGE);
}

static uint64_t number(const char *text, const char **rest) {
  // Not strtoull: under that name new headers mean a function that older C libraries lack.
  uint64_t value = 0;
  const char *end = text;
  for (; *end >= '0' && *end <= '9' && value < UINT64_MAX / 10; end++) value = value * 10 + (uint64_t)(*end - '0');
  if (end == text || (rest == NULL && *end != 0)) usage("not a number", text);
  if (rest != NULL) *rest = end;
  return value;
}

static void wasm_option(char *text) {
  for (char *save, *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
    char *value = strchr(word, '=');
    if (value == NULL) usage("a value is missing in", word);
    *value++ = 0;
    if (!strcmp(word, "fuel")) options.fuel = number(value, NULL);
    else if (!strcmp(word, "max-memory-size")) options.memory = (int64_t)number(value, NULL);
    else if (!strcmp(word, "max-wasm-stack")) options.stack = number(value, NULL);
    else if (!strcmp(word, "timeout")) {
      const char *unit;
      uint64_t amount = number(value, &unit);
      if (strcmp(unit, "ms") && strcmp(unit, "s") && *unit) usage("not a time", value);
      options.timeout_ms = strcmp(unit, "ms") ? amount * 1000 : amount;
    } else usage("unknown option -W", word);
  }
}

static void add_env(char *text) {
  char *value = strchr(text, '=');
  if (value != NULL) *value++ = 0;
  else if ((value = getenv(text)) == NULL) return;
  options.names[options.envc] = text;
  options.values[options.envc++] = value;
}

static void parse(int argc, char **argv, char **environ_) {
  size_t inherited = 0;
  while (environ_[inherited]) inherited++;
  options.names = calloc((size_t)argc + inherited, sizeof(char *));
  options.values = calloc((size_t)argc + inherited, sizeof(char *));
  int i = 1;
  if (i < argc && !strcmp(argv[i], "run")) i++;
  else if (i < argc && !strcmp(argv[i], "compile")) options.compile = true, i++;
  for (; i < argc && argv[i][0] == '-'; i++) {
    char *word = argv[i];
    if (!strcmp(word, "--version")) printf("wasmtime %s\n", WASMTIME_VERSION), exit(0);
    if (!strcmp(word, "--allow-precompiled")) { options.allow_precompiled = true; continue; }
    if (i + 1 == argc) usage("unknown option, or its value is missing:", word);
    char *value = argv[++i];
    if (!strcmp(word, "--dir") && options.dirc < sizeof options.dirs / sizeof *options.dirs) {
      char *guest = strstr(value, "::");
      if (guest) *guest = 0;
      options.dirs[options.dirc].host = value;
      options.dirs[options.dirc++].guest = guest ? guest + 2 : value;
    } else if (!strcmp(word, "--env")) add_env(value);
    else if (!strcmp(word, "-W")) wasm_option(value);
    else if (!strcmp(word, "-S") && !strcmp(value, "inherit-env")) options.inherit_env = true;
    else if (!strcmp(word, "--argv0")) options.argv0 = value;
    else if (!strcmp(word, "-o") && options.compile) options.output = value;
    else usage("unknown option", word);
  }
  if (i == argc) usage("a module is missing after", argv[i - 1]);
  options.module = argv[i];
  options.args = (const char **)argv + i;
  options.argc = (size_t)(argc - i);
  if (options.argv0) options.args[0] = options.argv0;
  if (options.inherit_env)
    for (size_t at = 0; at < inherited; at++) add_env(strdup(environ_[at]));
}

static wasm_engine_t *make_engine(void) {
  wasm_config_t *config = wasm_config_new();
  if (options.stack > DEFAULT_ASYNC_STACK)
    wasmtime_config_async_stack_size_set(config, options.stack + HOST_STACK);
  wasmtime_config_max_wasm_stack_set(config, options.stack);
  if (options.fuel) wasmtime_config_consume_fuel_set(config, true);
  if (options.timeout_ms) wasmtime_config_epoch_interruption_set(config, true);
  return wasm_engine_new_with_config(config);
}

static wasm_byte_vec_t read_file(int file) {
  struct stat info;
  if (fstat(file, &info) != 0) caused(FAILED, NULL, "failed to read `%s`", options.module);
  wasm_byte_vec_t bytes = {0, malloc((size_t)info.st_size + 1)};
  for (ssize_t got; (got = read(file, bytes.data + bytes.size, (size_t)info.st_size + 1 - bytes.size)) != 0;) {
    if (got < 0) caused(FAILED, NULL, "failed to read `%s`", options.module);
    bytes.size += (size_t)got;
    if (bytes.size > (size_t)info.st_size) break;
  }
  return bytes;
}

// WebAssembly, its text format, or (an ELF file) what `compile` made.
static wasmtime_module_t *load(wasm_engine_t *engine) {
  wasmtime_module_t *module;
  int file = open(options.module, O_RDONLY | O_CLOEXEC);
  char magic[4] = "";
  if (file < 0 || pread(file, magic, sizeof magic, 0) < 0)
    caused(FAILED, NULL, "failed to read input file `%s`", options.module);
  if (!memcmp(magic, "\177ELF", 4)) {
    if (!options.allow_precompiled) usage("--allow-precompiled is needed for", options.module);
    check(wasmtime_module_deserialize_file(engine, options.module, &module), "load precompiled module");
    return module;
  }
  wasm_byte_vec_t bytes = read_file(file);
  if (memcmp(magic, "\0asm", 4)) {
    wasm_byte_vec_t text = bytes;
    check(wasmtime_wat2wasm(text.data, text.size, &bytes), "parse");
  }
  check(wasmtime_module_new(engine, (uint8_t *)bytes.data, bytes.size, &module), "compile");
  return module;
}

static int compile(void) {
  wasm_byte_vec_t bytes;
  check(wasmtime_module_serialize(load(make_engine()), &bytes), "serialize");
  FILE *out = options.output ? fopen(options.output, "wbe") : NULL;
  if (out == NULL || fwrite(bytes.data, 1, bytes.size, out) != bytes.size || fclose(out) != 0)
    caused(FAILED, NULL, "failed to write `%s`", options.output ? options.output : "-o");
  return 0;
}

static wasi_config_t *make_wasi(void) {
  wasi_config_t *wasi = wasi_config_new();
  if (!wasi_config_set_argv(wasi, options.argc, options.args)) usage("arguments are not UTF-8 after", options.module);
  if (!wasi_config_set_env(wasi, options.envc, options.names, options.values))
    usage("the environment is not UTF-8 for", options.module);
  wasi_config_inherit_stdin(wasi);
  wasi_config_inherit_stdout(wasi);
  wasi_config_inherit_stderr(wasi);
  for (size_t i = 0; i < options.dirc; i++)
    if (!wasi_config_preopen_dir(wasi, options.dirs[i].host, options.dirs[i].guest, true)) {
      if (access(options.dirs[i].host, R_OK | X_OK) == 0) errno = ENOTDIR;
      caused(FAILED, NULL, "failed to open directory `%s`", options.dirs[i].host);
    }
  return wasi;
}

static void *tick(void *engine) {
  nanosleep(&(struct timespec){(time_t)(options.timeout_ms / 1000), (long)(options.timeout_ms % 1000) * 1000000}, NULL);
  wasmtime_engine_increment_epoch(engine);
  return NULL;
}

static void finish(wasmtime_error_t *error, wasm_trap_t *trap) {
  int status;
  wasm_byte_vec_t text;
  if (error != NULL && wasmtime_error_exit_status(error, &status)) _exit(status);
  if (error != NULL) wasmtime_error_message(error, &text);
  if (trap != NULL) wasm_trap_message(trap, &text);
  if (error == NULL && trap == NULL) _exit(0);
  bool trapped = trap != NULL || memmem(text.data, text.size, "wasm trap", 9) != NULL;
  caused(trapped ? TRAPPED : FAILED, &text, "failed to run main module `%s`", options.module);
}

static void *run(void *unused) {
  (void)unused;
  wasm_engine_t *engine = make_engine();
  wasmtime_module_t *module = load(engine);
  wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
  if (options.memory >= 0) wasmtime_store_limiter(store, options.memory, -1, -1, -1, -1);
  wasmtime_context_t *context = wasmtime_store_context(store);
  check(wasmtime_context_set_wasi(context, make_wasi()), "set up");
  if (options.fuel) check(wasmtime_context_set_fuel(context, options.fuel), "give fuel to");
  if (options.timeout_ms) {
    pthread_t clock;
    wasmtime_context_set_epoch_deadline(context, 1);
    if (pthread_create(&clock, NULL, tick, engine) != 0) caused(FAILED, NULL, "failed to start the clock");
  }
  wasmtime_linker_t *linker = wasmtime_linker_new(engine);
  check(wasmtime_linker_define_wasi(linker), "define WASI for");
  wasmtime_instance_t instance;
  wasm_trap_t *trap = NULL;
  check(wasmtime_linker_instantiate(linker, context, module, &instance, &trap), "instantiate");
  if (trap != NULL) finish(NULL, trap);
  wasmtime_extern_t start;
  if (!wasmtime_instance_export_get(context, &instance, "_start", 6, &start) || start.kind != EXTERN_FUNC)
    usage("not a WASI command (no `_start`):", options.module);
  finish(wasmtime_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap), trap);
  return NULL;
}

int main(int argc, char **argv, char **environ_) {
  parse(argc, argv, environ_);
  // The library's files are served by threads of its own; for one program, one of them is as good as one a processor.
  setenv("TOKIO_WORKER_THREADS", "1", 0);
  if (options.compile) return compile();
  // A thread of our own: the size of the main one's stack is the machine's choice.
  pthread_attr_t attributes;
  pthread_t thread = 0;
  pthread_attr_init(&attributes);
  if (pthread_attr_setstacksize(&attributes, options.stack + 2 * HOST_STACK) != 0 ||
      pthread_create(&thread, &attributes, run, NULL) != 0)
    caused(FAILED, NULL, "failed to start a thread for `%s`", options.module);
  pthread_join(thread, NULL);
  return 0;
}
