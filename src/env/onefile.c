/*
 * Linked into every program, for `--format onefile`: the files of the bundle's `lib` lie behind the program in the same executable,
 * and the kernel maps them with it. They are found where a bundle would have them: in `lib` of the program's own folder. Paths that
 * are not ours, and all paths of a program without such files, go through to the C library.
 *
 * Where Python is in the program, the linker puts the functions below before those of the C library (ld(1), `--wrap`). Where it is a
 * library (ONEFILE_SHARED), they have the names of these and are exported: the loader gives those of the program to all libraries.
 *
 * Nothing here needs /proc, a disk that can be written, or the executable's own path to be readable: it may be deleted, or
 * started by a descriptor. A file is opened as a memory file (memfd_create(2)), so that what reads it has a descriptor as any
 * other.
 */
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
/* First: where the C library is not there, this is what says so. */
#include <stdio.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "onefile-place.h"

/* Of `st_dev`: no device that the kernel gives numbers to. */
#define DEVICE 0x6f6e6566
#ifdef ONEFILE_SHARED
#define WRAPS(name) own_##name
struct real {
  const char *name;
  void **is;
};
#define REAL(type, name, ...)                                  \
  type own_##name(__VA_ARGS__) __asm__(#name);                 \
  REAL_ALONE(type, name, __VA_ARGS__)
#define REAL_ALONE(type, name, ...)                            \
  static type (*__real_##name)(__VA_ARGS__);                   \
  __attribute__((section("onefile_real"), used)) static const struct real real_##name = {#name, (void **)(void *)&__real_##name}
#define REAL_END(name, parameter) REAL(void, name, parameter)
/* A function of Python's, if the program has it. */
#define PYTHON REAL_ALONE
#define PY(name) __real_##name
static void ready(void);
#else
#define WRAPS(name) __wrap_##name
/* Weak: which of them there are depends on the C library. */
#define REAL(type, name, ...) __attribute__((weak)) type __real_##name(__VA_ARGS__)
#define REAL_END(name, parameter) __attribute__((weak, noreturn)) void __real_##name(parameter)
#define PYTHON(type, name, ...) __attribute__((weak)) type name(__VA_ARGS__)
#define PY(name) name
#define ready() ((void)0)
#endif

/* `distance`: from here to the header, in memory. Written by what makes the file; zero in a bundle. */
__attribute__((aligned(16))) static const volatile struct {
  unsigned char magic[16];
  uint64_t distance;
} marker = {{0x6f, 0x6e, 0x65, 0x66, 0x69, 0x6c, 0x65, 0x93, 0x1a, 0xd5, 0x0e, 0x7b, 0xc8, 0x62, 0xf4, 0x39}, 0};

/* The remark whose program header becomes that of the files: not every program has another one. */
__attribute__((section(".note.onefile"), used, aligned(4))) static const struct {
  uint32_t name_size, size, type;
  char name[8];
} note = {8, 0, 1, "onefile"};

enum { A_FILE = 1, A_FOLDER = 2, OURS_ALONE = 4 };

static const unsigned char *image;
static const struct header *header;
static const uint32_t *buckets;
static const struct entry *entries;
static const uint32_t *children;
static const char *library;
static size_t library_length;
static char executable[LONGEST + 1];
/* The program's folder, and, of a copy in a virtual environment, that of the program it was copied from (PEP 405). */
static struct home {
  char path[LONGEST + 1];
  size_t length;
} homes[2];
static int homes_count;

REAL(ssize_t, readlink, const char *, char *, size_t);
REAL(char *, realpath, const char *, char *);

/* What a mapping does where the file has ended, and where a tool has taken it away. */
static void cut_off(int number) {
  (void)number;
  damaged(executable, CUT_OFF, "", "");
}

static void add_home(const char *path, size_t length) {
  struct home *one = homes + homes_count++;
  memcpy(one->path, path, length);
  one->path[length] = 0;
  one->length = length;
}

/* The key `home` of an environment's `pyvenv.cfg`, which is beside the program or beside its folder. */
static void find_environment(void) {
  char path[LONGEST + 32], text[4096], *at, *end;
  int up;
  for (up = 0; up < 2; up++) {
    long file, size;
    snprintf(path, sizeof path, "%s%s/pyvenv.cfg", homes[0].path, up ? "/.." : "");
    file = ASK(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) continue;
    size = ASK(SYS_read, file, text, sizeof text - 1, 0);
    ASK(SYS_close, file, 0, 0, 0);
    text[size > 0 ? size : 0] = 0;
    for (at = text; at; at = strchr(at, '\n')) {
      at += strspn(at, " \t\r\n");
      if (strncmp(at, "home", 4)) continue;
      at += 4 + strspn(at + 4, " \t");
      if (*at != '=') continue;
      at += 1 + strspn(at + 1, " \t");
      end = at + strcspn(at, "\r\n");
      while (end > at + 1 && (end[-1] == ' ' || end[-1] == '/')) end--;
      if (*at == '/' && end - at < LONGEST) add_home(at, (size_t)(end - at));
      return;
    }
  }
}

/* Of a script, the kernel tells its path, and the first argument is what its first line names (execve(2)). */
static int is_script(const char *path) {
  char begins[2] = {0, 0};
  long file = ASK(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (file < 0) return 0;
  ASK(SYS_read, file, begins, 2, 0);
  ASK(SYS_close, file, 0, 0, 0);
  return begins[0] == '#' && begins[1] == '!';
}

static void find_home(void) {
  ssize_t length = __real_readlink ? __real_readlink("/proc/self/exe", executable, LONGEST) : -1;
  const char *name;
  char *slash;
  if (length <= 0) {
    /* No /proc: what the kernel was told to start. */
    name = (const char *)getauxval(AT_EXECFN);
    if (name && is_script(name)) name = program_invocation_name;
    if (!name || !__real_realpath || !__real_realpath(name, executable))
      strncpy(executable, name ? name : "/", LONGEST);
  }
  slash = strrchr(executable, '/');
  add_home(executable, slash ? (size_t)(slash - executable) : 0);
  find_environment();
}

static pthread_t checker;
static int checking;
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

#ifdef ONEFILE_SHARED
static struct started *before_us(void) {
  return (struct started *)(getauxval(AT_PHDR) - offsetof(struct started, headers));
}

/* Of the libraries that the program names, what was not read when they were placed. */
static void check_mapped(void) {
  const struct started *before = before_us();
  const struct begin *begin = (const struct begin *)(image + header->begin);
  uint32_t i;
  for (i = 0; i < before->count; i++) {
    const struct entry *one = entries + before->placed[i].entry;
    const struct loaded *parts = begin->loaded + i;
    if (before->placed[i].until && !is_sound(image + one->data + parts->from, parts->until - parts->from, parts->hole_sum))
      damaged(executable, "the library ", (const char *)image + one->path, CHANGED);
  }
}
#else
static void check_mapped(void) {}
#endif

/* Bytes that stay in the processor's cache. */
#define PART 131072u

/*
 * Whether what is in the file is what was put in, read a part at a time: pages that are mapped to be read once have to be taken back when
 * the process ends. -1: it cannot be read.
 */
static int is_sound_file(uint32_t from, uint32_t until, const uint32_t wanted[2]) {
  static words part[PART / sizeof(words)];
  struct sums sums;
  uint32_t at, size = 0, have;
  long file = ASK(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0), done;
  if (file < 0) return -1;
  begin_sum(&sums);
  for (at = from; at < until; at += size) {
    size = until - at < PART ? until - at : PART;
    for (have = 0; have < size; have += (uint32_t)done) {
      done = pread((int)file, (char *)part + have, size - have, at + have);
      if (done <= 0) {
        ASK(SYS_close, file, 0, 0, 0);
        return -1;
      }
    }
    memset((char *)part + size, 0, PART - size < 32 ? PART - size : 32);
    add_sum(&sums, part, size);
  }
  ASK(SYS_close, file, 0, 0, 0);
  return is_sum(&sums, until - from, wanted);
}

static void *check_program(void *nothing) {
  int sound = is_sound_file(header->head, header->program, header->program_sum);
  if (sound < 0) sound = is_sound(image + header->head, header->program - header->head, header->program_sum);
  if (!sound) damaged(executable, "the program", "", CHANGED);
  check_mapped();
  return nothing;
}

/* Before anything that is not ours is read, before the process becomes two or another one, and before it ends. */
__attribute__((destructor(101))) static void finish_check(void) {
  ready();
  if (!__atomic_load_n(&checking, __ATOMIC_ACQUIRE)) return;
  pthread_mutex_lock(&ending);
  if (checking) pthread_join(checker, NULL);
  __atomic_store_n(&checking, 0, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&ending);
}

/* Bytes; with the usual 8 MB a start takes a millisecond more with glibc 2.31. */
#define STACK (256 * 1024)

/* To another processor, where there is one: a new thread may begin on that of the thread which made it, and wait there. */
static void move_away(pthread_t thread) {
  cpu_set_t set;
  int here = sched_getcpu();
  if (here < 0 || sched_getaffinity(0, sizeof set, &set) || CPU_COUNT(&set) < 2) return;
  CPU_CLR(here, &set);
  pthread_setaffinity_np(thread, sizeof set, &set);
}

/* Megabytes: they are read by a thread of their own, while the interpreter is initialised. */
static void begin_check(void) {
  pthread_attr_t small;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  checking = !pthread_attr_init(&small) && !pthread_attr_setstacksize(&small, STACK) &&
             !pthread_create(&checker, &small, check_program, NULL);
  if (checking) move_away(checker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!checking) check_program(NULL);
  else pthread_atfork(finish_check, NULL, NULL);
}

#ifdef ONEFILE_SHARED
extern const struct real __start_onefile_real[], __stop_onefile_real[];
/* What begins the program in one file (`onefile-start.c`). */
extern char onefile_entry[] __attribute__((visibility("hidden")));
static char *volatile begins = onefile_entry;
static void without_stat(void);

/* Also called before the constructor is: by those of libraries. */
static void ready(void) {
  static int done;
  const struct real *one;
  if (__atomic_load_n(&done, __ATOMIC_ACQUIRE)) return;
  for (one = __start_onefile_real; one < __stop_onefile_real; one++) *one->is = dlsym(RTLD_NEXT, one->name);
  without_stat();
  __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}
#endif

static void adopt_loaded(void);
static void give_modules(void);

#ifdef ONEFILE_SHARED
/* Maps what a library of the program has in its hole from the executable; `data` is a path, and what it needs. */
static int fill_hole(struct dl_phdr_info *info, size_t size, void *data) {
  const struct started *before = data;
  const struct header *from_here = before->header;
  const unsigned char *bytes = (const unsigned char *)from_here - from_here->program;
  const struct entry *list = (const struct entry *)((const uint32_t *)(bytes + from_here->table) + from_here->buckets);
  unsigned long page = getauxval(AT_PAGESZ);
  uint32_t i, k;
  (void)size;
  for (i = 0; i < before->count; i++) {
    const struct entry *one = list + before->placed[i].entry;
    if (!before->placed[i].until || !info->dlpi_name || strcmp(info->dlpi_name, before->placed[i].path)) continue;
    for (k = 0; k < info->dlpi_phnum; k++) {
      const ElfW(Phdr) *part = info->dlpi_phdr + k;
      unsigned long from = part->p_offset & -page, until = (part->p_offset + part->p_filesz + page - 1) & -page;
      if (part->p_type != PT_LOAD || part->p_flags & PF_W) continue;
      if (from < before->placed[i].from) from = before->placed[i].from;
      if (until > before->placed[i].until) until = before->placed[i].until;
      if (from >= until) continue;
      if (!IS_MAPPED(map_pages((void *)(info->dlpi_addr + part->p_vaddr - part->p_offset + from), until - from,
                               (part->p_flags & PF_R ? PROT_READ : 0) | (part->p_flags & PF_X ? PROT_EXEC : 0),
                               MAP_PRIVATE | MAP_FIXED, before->self, one->data + from))) {
        say("A library of this program cannot be mapped from its own file.\n");
        end_with(5);
      }
    }
  }
  return 0;
}

/* Before the first function of any library (gABI, "Initialization and Termination Functions"). */
static void fill_holes(void) {
  struct started *before;
  if (!marker.distance) return;
  before = before_us();
  dl_iterate_phdr(fill_hole, before);
  if (before->self >= 0) ASK(SYS_close, before->self, 0, 0, 0);
}
__attribute__((section(".preinit_array"), used)) static void (*const first_of_all)(void) = fill_holes;
#endif

__attribute__((constructor(101))) static void start(void) {
  struct sigaction handler, bus, fault;
#ifdef ONEFILE_SHARED
  if (!begins) return;
#endif
  if (!marker.distance) return;
  ready();
  header = (const struct header *)((uintptr_t)&marker + (uintptr_t)marker.distance);
  find_home();
  memset(&handler, 0, sizeof handler);
  handler.sa_handler = cut_off;
  sigaction(SIGBUS, &handler, &bus);
  sigaction(SIGSEGV, &handler, &fault);
  if (!is_sound(header, offsetof(struct header, sum), header->sum))
    damaged(executable, "the description of its content", "", CHANGED);
  image = (const unsigned char *)header - header->program;
  if (!is_sound(image + header->names, header->table + header->table_size - header->names, header->table_sum))
    damaged(executable, "the list of its files", "", CHANGED);
  if (!is_sound((const unsigned char *)header - header->origin, header->head, header->head_sum))
    damaged(executable, "the beginning of the program", "", CHANGED);
  sigaction(SIGBUS, &bus, 0);
  sigaction(SIGSEGV, &fault, 0);
  buckets = (const uint32_t *)(image + header->table);
  entries = (const struct entry *)(buckets + header->buckets);
  begin_check();
  children = (const uint32_t *)(entries + header->entries);
  library = (const char *)image + header->library;
  library_length = strlen(library);
  adopt_loaded();
  give_modules();
}

/* Whether the path is `folder` or below it. */
static int is_in(const char *path, const char *folder, size_t length) {
  return !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

/*
 * Whether the first bytes of a path name the program's folder in another way: relative, or by a symbolic link. CPython does not
 * search the root itself, and takes the prefix that it was configured with where that is the program's folder.
 */
static int is_home(const char *path, size_t length) {
  char name[LONGEST + 1], real[LONGEST + 1];
  int i;
  if (!homes[0].length && length == 4 && !memcmp(path, "/usr", 4)) return 1;
  if (length > LONGEST || !__real_realpath) return 0;
  memcpy(name, path, length);
  strcpy(name + length, length ? "" : *path == '/' ? "/" : ".");
  if (!__real_realpath(name, real)) return 0;
  for (i = 0; i < homes_count; i++)
    if (!strcmp(homes[i].length ? homes[i].path : "/", real)) return 1;
  return 0;
}

/* Without empty parts, `.` and `..`; there are no links among our files. How many folders it leads up, or -1: it is too long. */
static int normalise(const char *path, size_t size, char *out) {
  const char *until = path + size;
  size_t end = 0, length;
  int up = 0;
  for (; path < until && *path; path += length) {
    while (path < until && *path == '/') path++;
    for (length = 0; path + length < until && path[length] && path[length] != '/';) length++;
    if (!length || (length == 1 && *path == '.')) continue;
    if (length == 2 && path[0] == '.' && path[1] == '.') {
      if (!end) up++;
      while (end && out[--end] != '/') continue;
      continue;
    }
    if (end + length + 2 > LONGEST) return -1;
    if (end) out[end++] = '/';
    memcpy(out + end, path, length);
    end += length;
  }
  out[end] = 0;
  return up;
}

static const struct entry *named(const char *path) {
  uint32_t hash = 2166136261u, number;
  const char *at;
  for (at = path; *at; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
  for (hash &= header->buckets - 1; (number = buckets[hash]); hash = (hash + 1) & (header->buckets - 1))
    if (!strcmp((const char *)image + entries[number - 1].path, path)) return entries + number - 1;
  return NULL;
}

/* Where the first `..` of a path is, or NULL. */
static const char *first_up(const char *path) {
  const char *at = path;
  while ((at = strstr(at, ".."))) {
    if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/')) return at;
    at += 2;
  }
  return NULL;
}

/* What is ours at a path below the program's folder. `outside`: where it really leads, if it does so through a folder of ours. */
static const struct entry *below_home(const char *path, char *outside, int *absent) {
  char clean[LONGEST + 1], before[LONGEST + 1];
  const char *dots = first_up(path);
  const struct entry *found;
  int up = normalise(path, strlen(path), clean);
  size_t end;
  if (up < 0) return NULL;
  found = up || !*clean ? NULL : named(clean);
  *absent = !found && !up && is_in(clean, library, library_length);
  if (!dots || *absent || normalise(path, (size_t)(dots - path), before) || !*before || !named(before)) return found;
  if (homes[0].length + 3 * (size_t)up + strlen(clean) + 2 > LONGEST) return found;
  memcpy(outside, homes[0].path, end = homes[0].length);
  for (; up; up--, end += 3) memcpy(outside + end, "/..", 3);
  outside[end++] = '/';
  strcpy(outside + end, clean);
  return found;
}

/*
 * What is ours at a path. `absent`: nothing, and nothing of the machine either, since the standard library's folder is ours
 * alone. Folders that only lead there are the machine's where it has them. The path becomes one that the kernel can follow.
 */
static const struct entry *find(int folder, const char **path, char *outside, int *absent) {
  const struct entry *found = NULL;
  const char *at = *path;
  int i;
  *absent = 0;
  *outside = 0;
  if (!image || !at || (folder != AT_FDCWD && *at != '/')) return NULL;
  for (i = 0; i < homes_count && !found && !*absent; i++)
    if (!strncmp(at, homes[i].path, homes[i].length) && at[homes[i].length] == '/')
      found = below_home(at + homes[i].length + 1, outside, absent);
  for (; !found && !*absent && !*outside && (at = strstr(at, library)); at++) {
    if (!is_in(at, library, library_length) || (at != *path && at[-1] != '/')) continue;
    if (is_home(*path, at == *path ? 0 : (size_t)(at - *path) - (at - *path > 1))) found = below_home(at, outside, absent);
    break;
  }
  if (*absent) errno = ENOENT;
  if (*outside) *path = outside;
  return found;
}

#define OURS(folder, path)                        \
  char outside[LONGEST + 1];                      \
  int absent, saved = errno;                      \
  const struct entry *found = (ready(), find(folder, &path, outside, &absent)); \
  if (!absent) errno = saved

/* A folder that may be the machine's, too, where that failed to find one. */
static int leads(const struct entry *one) { return !(one->kind & (A_FILE | OURS_ALONE)); }

static int refuse(int error) {
  errno = error;
  return -1;
}

/* A memory file; where there are none (a kernel, a sandbox), a nameless one in the folder for temporary files. */
static int new_file(const char *name, int flags) {
  const char *folder = getenv("TMPDIR");
  int file = new_memory_file(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  if (file >= 0) return file;
  errno = -file;
  if (errno != ENOSYS && errno != EPERM && errno != EACCES) return -1;
#ifdef O_TMPFILE
  return (int)syscall(SYS_openat, AT_FDCWD, folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | (flags & O_CLOEXEC), 0600);
#else
  return -1;
#endif
}

/* What may write no file of this size (RLIMIT_FSIZE) may still write into a pipe. */
static int as_pipe(const struct entry *one, int flags) {
  int ends[2], room;
  if (pipe2(ends, flags & O_CLOEXEC)) return -1;
  room = fcntl(ends[1], F_SETPIPE_SZ, one->size);
  if (room < 0 || (size_t)room < one->size || write_all(ends[1], image + one->data, one->size, NULL)) {
    close(ends[0]);
    close(ends[1]);
    return refuse(EFBIG);
  }
  close(ends[1]);
  return ends[0];
}

static void check_file(const struct entry *one) {
  if (!is_sound(image + one->data, one->size, one->sum))
    damaged(executable, "the file ", (const char *)image + one->path, CHANGED);
}

static int open_entry(const struct entry *one, int flags) {
  const char *path = (const char *)image + one->path, *name = strrchr(path, '/');
  struct timespec times[2] = {{header->time, 0}, {header->time, 0}};
  int file, why;
  if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return refuse(EEXIST);
  if (one->kind & A_FOLDER) return refuse((flags & O_ACCMODE) == O_RDONLY ? EOPNOTSUPP : EISDIR);
  if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC) return refuse(EROFS);
  if (flags & O_DIRECTORY) return refuse(ENOTDIR);
  check_file(one);
  file = new_file(name ? name + 1 : path, flags);
  if (file < 0) return -1;
  why = write_all(file, image + one->data, one->size, NULL);
  if (why) {
    close(file);
    return why == EFBIG ? as_pipe(one, flags) : refuse(why);
  }
  lseek(file, 0, SEEK_SET);
  futimens(file, times);
  seal(file);
  return file;
}

static unsigned mode_of(const struct entry *one) {
  return one->kind & A_FOLDER ? S_IFDIR | 0755 : S_IFREG | 0644;
}

/* `struct stat` and, where it is another one, `struct stat64`. */
#define DESCRIBE(to, one)                            \
  memset(to, 0, sizeof *to);                         \
  (to)->st_dev = DEVICE;                             \
  (to)->st_ino = (uint32_t)((one)-entries) + 1;      \
  (to)->st_mode = mode_of(one);                      \
  (to)->st_nlink = 1;                                \
  (to)->st_size = (one)->size;                       \
  (to)->st_blksize = 4096;                           \
  (to)->st_blocks = ((one)->size + 511) / 512;       \
  (to)->st_atim.tv_sec = header->time;               \
  (to)->st_mtim.tv_sec = header->time;               \
  (to)->st_ctim.tv_sec = header->time

/* A function that describes a path: what there really is, where only a folder leads to ours. */
#define STAT(folder, path, to, call)       \
  OURS(folder, path);                      \
  if (absent) return -1;                   \
  if (!found) return call;                 \
  if (leads(found)) {                      \
    int real = call;                       \
    if (!real || errno != ENOENT) return real; \
    errno = saved;                         \
  }                                        \
  DESCRIBE(to, found);                     \
  return 0

/* Until glibc 2.33 it has these in an archive, which the linker takes from before it sees those here: `--wrap` asks for these. */
#ifndef ONEFILE_SHARED
#define REAL_STAT REAL
#elif defined(_STAT_VER)
#define REAL_STAT(type, name, ...)                       \
  type own_##name(__VA_ARGS__) __asm__("__wrap_" #name); \
  REAL_ALONE(type, name, __VA_ARGS__)
#else
#define REAL_STAT(type, name, ...)                                                         \
  __attribute__((alias(#name))) type wrap_##name(__VA_ARGS__) __asm__("__wrap_" #name); \
  REAL(type, name, __VA_ARGS__)
#endif
#define PLAIN_STAT(name, kind)                                     \
  REAL_STAT(int, name, const char *, struct kind *);               \
  int WRAPS(name)(const char *path, struct kind *to) {             \
    STAT(AT_FDCWD, path, to, __real_##name(path, to));       \
  }
#define VERSIONED_STAT(name, kind)                                 \
  REAL(int, name, int, const char *, struct kind *);               \
  int WRAPS(name)(int version, const char *path, struct kind *to) { \
    STAT(AT_FDCWD, path, to, __real_##name(version, path, to)); \
  }
#define STAT_AT(name, kind)                                        \
  REAL_STAT(int, name, int, const char *, struct kind *, int);     \
  int WRAPS(name)(int folder, const char *path, struct kind *to, int flags) { \
    STAT(folder, path, to, __real_##name(folder, path, to, flags)); \
  }

PLAIN_STAT(stat, stat)
PLAIN_STAT(lstat, stat)
STAT_AT(fstatat, stat)
#ifdef __GLIBC__
PLAIN_STAT(stat64, stat64)
PLAIN_STAT(lstat64, stat64)
STAT_AT(fstatat64, stat64)
/* Until glibc 2.33 the functions above are inline, and call these. */
VERSIONED_STAT(__xstat, stat)
VERSIONED_STAT(__lxstat, stat)
VERSIONED_STAT(__xstat64, stat64)
VERSIONED_STAT(__lxstat64, stat64)
#define VERSIONED_STAT_AT(name, kind)                              \
  REAL(int, name, int, int, const char *, struct kind *, int);     \
  int WRAPS(name)(int version, int folder, const char *path, struct kind *to, int flags) { \
    STAT(folder, path, to, __real_##name(version, folder, path, to, flags)); \
  }
VERSIONED_STAT_AT(__fxstatat, stat)
VERSIONED_STAT_AT(__fxstatat64, stat64)
#endif

#if defined(__GLIBC__) && !defined(__LP64__)
/* Since glibc 2.34, for times after 2038 on 32-bit machines (its header bits/struct_stat_time64_helper.h). */
struct stat_time64 {
  uint64_t st_dev, st_ino;
  uint32_t st_mode, st_nlink, st_uid, st_gid;
  uint64_t st_rdev;
  int64_t st_size;
  int32_t st_blksize;
  int64_t st_blocks;
  struct {
    int64_t tv_sec;
    int32_t nanoseconds, padding;
  } st_atim, st_mtim, st_ctim;
  uint32_t reserved[2];
};
#undef REAL_STAT
#define REAL_STAT REAL
PLAIN_STAT(__stat64_time64, stat_time64)
PLAIN_STAT(__lstat64_time64, stat_time64)
STAT_AT(__fstatat64_time64, stat_time64)
#endif

#ifdef ONEFILE_SHARED
#ifdef _STAT_VER
/* Until glibc 2.33 the library itself has only the versioned ones. */
#define OLDER_STAT(name, kind, versioned) \
  static int older_##name(const char *path, struct kind *to) { return __real_##versioned(_STAT_VER, path, to); }
#define OLDER_STAT_AT(name, kind, versioned)                                           \
  static int older_##name(int folder, const char *path, struct kind *to, int flags) { \
    return __real_##versioned(_STAT_VER, folder, path, to, flags);                     \
  }
OLDER_STAT(stat, stat, __xstat)
OLDER_STAT(lstat, stat, __lxstat)
OLDER_STAT(stat64, stat64, __xstat64)
OLDER_STAT(lstat64, stat64, __lxstat64)
OLDER_STAT_AT(fstatat, stat, __fxstatat)
OLDER_STAT_AT(fstatat64, stat64, __fxstatat64)
#define OLDER(name) \
  if (!__real_##name) __real_##name = older_##name
static void without_stat(void) {
  OLDER(stat);
  OLDER(lstat);
  OLDER(stat64);
  OLDER(lstat64);
  OLDER(fstatat);
  OLDER(fstatat64);
}
#else
static void without_stat(void) {}
#endif
#endif

#ifdef STATX_BASIC_STATS
REAL(int, statx, int, const char *, int, unsigned, struct statx *);
static int describe_really(int folder, const char *path, int flags, unsigned mask, struct statx *to) {
  return __real_statx ? __real_statx(folder, path, flags, mask, to)
                      : (int)syscall(SYS_statx, folder, path, flags, mask, to);
}
int WRAPS(statx)(int folder, const char *path, int flags, unsigned mask, struct statx *to) {
  OURS(folder, path);
  if (absent) return -1;
  if (!found) return describe_really(folder, path, flags, mask, to);
  if (leads(found)) {
    int real = describe_really(folder, path, flags, mask, to);
    if (!real || errno != ENOENT) return real;
    errno = saved;
  }
  memset(to, 0, sizeof *to);
  to->stx_mask = STATX_BASIC_STATS;
  to->stx_dev_minor = DEVICE & 0xff;
  to->stx_dev_major = DEVICE >> 8;
  to->stx_ino = (uint32_t)(found - entries) + 1;
  to->stx_mode = (uint16_t)mode_of(found);
  to->stx_nlink = 1;
  to->stx_size = found->size;
  to->stx_blksize = 4096;
  to->stx_blocks = (found->size + 511) / 512;
  to->stx_atime.tv_sec = to->stx_mtime.tv_sec = to->stx_ctime.tv_sec = header->time;
  return 0;
}
#endif

static int may(const struct entry *one, int mode) {
  if (mode & W_OK) return refuse(EROFS);
  return mode & X_OK && one->kind & A_FILE ? refuse(EACCES) : 0;
}

REAL(int, access, const char *, int);
int WRAPS(access)(const char *path, int mode) {
  OURS(AT_FDCWD, path);
  if (absent) return -1;
  return !found || (leads(found) && !__real_access(path, F_OK)) ? __real_access(path, mode) : may(found, mode);
}

REAL(int, faccessat, int, const char *, int, int);
int WRAPS(faccessat)(int folder, const char *path, int mode, int flags) {
  OURS(folder, path);
  if (absent) return -1;
  return !found || (leads(found) && !__real_faccessat(folder, path, F_OK, flags))
             ? __real_faccessat(folder, path, mode, flags)
             : may(found, mode);
}

/* The third argument is there where the flags ask for it (open(2)). */
#define MODE(flags)                                       \
  mode_t mode = 0;                                        \
  if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) { \
    va_list more;                                         \
    va_start(more, flags);                                \
    mode = (mode_t)va_arg(more, int);                     \
    va_end(more);                                         \
  }

/* A descriptor of what is not ours. */
static int others(int file) {
  if (file >= 0) finish_check();
  return file;
}

/* Nothing is made in a folder that is ours alone. */
static int refuse_new(int flags) { return refuse(flags & O_CREAT ? EROFS : ENOENT); }

#define OPEN(name)                                        \
  REAL(int, name, const char *, int, ...);                \
  int WRAPS(name)(const char *path, int flags, ...) {     \
    OURS(AT_FDCWD, path);                                 \
    MODE(flags)                                           \
    if (absent) return refuse_new(flags);                 \
    if (!found) return others(__real_##name(path, flags, mode)); \
    if (leads(found)) {                                   \
      int real = __real_##name(path, flags, mode);        \
      if (real >= 0 || errno != ENOENT) return real;      \
    }                                                     \
    return open_entry(found, flags);                      \
  }
#define OPEN_AT(name)                                     \
  REAL(int, name, int, const char *, int, ...);           \
  int WRAPS(name)(int folder, const char *path, int flags, ...) { \
    OURS(folder, path);                                   \
    MODE(flags)                                           \
    if (absent) return refuse_new(flags);                 \
    if (!found) return others(__real_##name(folder, path, flags, mode)); \
    if (leads(found)) {                                   \
      int real = __real_##name(folder, path, flags, mode); \
      if (real >= 0 || errno != ENOENT) return real;      \
    }                                                     \
    return open_entry(found, flags);                      \
  }
#define FOPEN(name)                                       \
  REAL(FILE *, name, const char *, const char *);         \
  FILE *WRAPS(name)(const char *path, const char *mode) { \
    FILE *file;                                           \
    int number;                                           \
    OURS(AT_FDCWD, path);                                 \
    if (!found && !absent) {                              \
      file = __real_##name(path, mode);                   \
      if (file) finish_check();                           \
      return file;                                        \
    }                                                     \
    if (*mode != 'r' || strchr(mode, '+')) return refuse(EROFS), NULL; \
    if (absent) return NULL;                              \
    number = open_entry(found, O_RDONLY | (strchr(mode, 'e') ? O_CLOEXEC : 0)); \
    if (number < 0) return NULL;                          \
    file = fdopen(number, mode);                          \
    if (!file) close(number);                             \
    return file;                                          \
  }

OPEN(open)
OPEN_AT(openat)
FOPEN(fopen)
#ifdef __GLIBC__
OPEN(open64)
OPEN_AT(openat64)
FOPEN(fopen64)
/* What programs call that are compiled with _FORTIFY_SOURCE. */
#define CHECKED_OPEN(name)                                \
  REAL(int, name, const char *, int);                     \
  int WRAPS(name)(const char *path, int flags) {          \
    OURS(AT_FDCWD, path);                                 \
    if (absent) return refuse(ENOENT);                    \
    if (!found) return others(__real_##name(path, flags)); \
    if (leads(found)) {                                   \
      int real = __real_##name(path, flags);              \
      if (real >= 0 || errno != ENOENT) return real;      \
    }                                                     \
    return open_entry(found, flags);                      \
  }
#define CHECKED_OPEN_AT(name)                             \
  REAL(int, name, int, const char *, int);                \
  int WRAPS(name)(int folder, const char *path, int flags) { \
    OURS(folder, path);                                   \
    if (absent) return refuse(ENOENT);                    \
    if (!found) return others(__real_##name(folder, path, flags)); \
    if (leads(found)) {                                   \
      int real = __real_##name(folder, path, flags);      \
      if (real >= 0 || errno != ENOENT) return real;      \
    }                                                     \
    return open_entry(found, flags);                      \
  }
CHECKED_OPEN(__open_2)
CHECKED_OPEN(__open64_2)
CHECKED_OPEN_AT(__openat_2)
CHECKED_OPEN_AT(__openat64_2)
#endif

ssize_t WRAPS(readlink)(const char *path, char *to, size_t size) {
  ssize_t length;
  OURS(AT_FDCWD, path);
  if (absent) return -1;
  if (found && !leads(found)) return refuse(EINVAL);
  length = __real_readlink(path, to, size);
  if (length >= 0 || !image) return length;
  if (found && errno == ENOENT) return refuse(EINVAL);
  /* Where there is no /proc, programs still want to know. */
  if (errno != ENOENT || strcmp(path, "/proc/self/exe")) return length;
  length = (ssize_t)strnlen(executable, size);
  memcpy(to, executable, (size_t)length);
  return length;
}

REAL(ssize_t, readlinkat, int, const char *, char *, size_t);
ssize_t WRAPS(readlinkat)(int folder, const char *path, char *to, size_t size) {
  if (folder == AT_FDCWD || (path && *path == '/')) return WRAPS(readlink)(path, to, size);
  return __real_readlinkat(folder, path, to, size);
}

char *WRAPS(realpath)(const char *path, char *to) {
  const char *below;
  OURS(AT_FDCWD, path);
  if (absent) return NULL;
  if (!found || leads(found)) return __real_realpath(path, to);
  below = (const char *)image + found->path;
  if (homes[0].length + found->length + 2 > LONGEST) return errno = ENAMETOOLONG, NULL;
  if (!to && !(to = malloc(homes[0].length + found->length + 2))) return NULL;
  memcpy(to, homes[0].path, homes[0].length);
  to[homes[0].length] = '/';
  strcpy(to + homes[0].length + 1, below);
  return to;
}

#ifdef __GLIBC__
/* With the size of what is written to; the C library ends the process where it is too small. */
REAL(ssize_t, __readlink_chk, const char *, char *, size_t, size_t);
ssize_t WRAPS(__readlink_chk)(const char *path, char *to, size_t size, size_t room) {
  ready();
  return size > room ? __real___readlink_chk(path, to, size, room) : WRAPS(readlink)(path, to, size);
}

REAL(ssize_t, __readlinkat_chk, int, const char *, char *, size_t, size_t);
ssize_t WRAPS(__readlinkat_chk)(int folder, const char *path, char *to, size_t size, size_t room) {
  ready();
  return size > room ? __real___readlinkat_chk(folder, path, to, size, room) : WRAPS(readlinkat)(folder, path, to, size);
}

REAL(char *, __realpath_chk, const char *, char *, size_t);
char *WRAPS(__realpath_chk)(const char *path, char *to, size_t room) {
  ready();
  return room < LONGEST ? __real___realpath_chk(path, to, room) : WRAPS(realpath)(path, to);
}
#endif

/* Files have no extended attributes; asked for those of nothing, `shutil.copystat` fails. */
#define ATTRIBUTES(type, name, parameters, ...)           \
  REAL(type, name, parameters);                           \
  type WRAPS(name)(parameters) {                          \
    OURS(AT_FDCWD, path);                                 \
    if (absent) return -1;                                \
    return found && !leads(found) ? refuse(EOPNOTSUPP) : __real_##name(__VA_ARGS__); \
  }
#define LIST const char *path, char *to, size_t size
#define GET const char *path, const char *attribute, void *to, size_t size

ATTRIBUTES(ssize_t, listxattr, LIST, path, to, size)
ATTRIBUTES(ssize_t, llistxattr, LIST, path, to, size)
ATTRIBUTES(ssize_t, getxattr, GET, path, attribute, to, size)
ATTRIBUTES(ssize_t, lgetxattr, GET, path, attribute, to, size)

/*
 * What would change something below the library, and is refused as on a file system that is mounted to be read (EROFS): what is
 * there is there, and what is not is not. `makes`: it is for something new.
 */
static int refuse_change(const struct entry *found, const char *path, int makes) {
  char above[LONGEST + 1];
  const struct entry *parent = NULL;
  const char *slash = strrchr(path, '/');
  int absent;
  if (found) return refuse(makes ? EEXIST : EROFS);
  if (!makes || !slash || slash - path > LONGEST - 1) return refuse(ENOENT);
  memcpy(above, path, (size_t)(slash - path));
  above[slash - path] = 0;
  {
    char outside[LONGEST + 1];
    const char *at = above;
    parent = find(AT_FDCWD, &at, outside, &absent);
  }
  return refuse(!parent ? ENOENT : parent->kind & A_FOLDER ? EROFS : ENOTDIR);
}

#define CHANGES(name, makes, folder, parameters, ...)     \
  REAL(int, name, parameters);                            \
  int WRAPS(name)(parameters) {                           \
    OURS(folder, path);                                   \
    if (absent || (found && !leads(found))) return refuse_change(found, path, makes); \
    return others(__real_##name(__VA_ARGS__));            \
  }
/* Inside of an argument. */
#define OF ,
#define PATH const char *path
#define PATH_AT int folder, const char *path

CHANGES(mkdir, 1, AT_FDCWD, PATH OF mode_t mode, path, mode)
CHANGES(mkdirat, 1, folder, PATH_AT OF mode_t mode, folder, path, mode)
CHANGES(mkfifo, 1, AT_FDCWD, PATH OF mode_t mode, path, mode)
CHANGES(rmdir, 0, AT_FDCWD, PATH, path)
CHANGES(unlink, 0, AT_FDCWD, PATH, path)
CHANGES(remove, 0, AT_FDCWD, PATH, path)
CHANGES(unlinkat, 0, folder, PATH_AT OF int flags, folder, path, flags)
CHANGES(chmod, 0, AT_FDCWD, PATH OF mode_t mode, path, mode)
CHANGES(fchmodat, 0, folder, PATH_AT OF mode_t mode OF int flags, folder, path, mode, flags)
CHANGES(chown, 0, AT_FDCWD, PATH OF uid_t user OF gid_t group, path, user, group)
CHANGES(lchown, 0, AT_FDCWD, PATH OF uid_t user OF gid_t group, path, user, group)
CHANGES(fchownat, 0, folder, PATH_AT OF uid_t user OF gid_t group OF int flags, folder, path, user, group, flags)
CHANGES(truncate, 0, AT_FDCWD, PATH OF off_t size, path, size)
CHANGES(utimes, 0, AT_FDCWD, PATH OF const struct timeval *times, path, times)
CHANGES(utimensat, 0, folder, PATH_AT OF const struct timespec *times OF int flags, folder, path, times, flags)
#ifdef __GLIBC__
CHANGES(truncate64, 0, AT_FDCWD, PATH OF off64_t size, path, size)
#endif
#if defined(__GLIBC__) && !defined(__LP64__)
CHANGES(__utimes64, 0, AT_FDCWD, PATH OF const void *times, path, times)
CHANGES(__utimensat64, 0, folder, PATH_AT OF const void *times OF int flags, folder, path, times, flags)
#endif

/* Two paths: between ours and others it is as between file systems. */
static int moves(int from_folder, const char **from, int to_folder, const char **to, char *outside, char *beyond, int keeps) {
  int no_from, no_to, saved = errno;
  const struct entry *one, *other;
  ready();
  one = find(from_folder, from, outside, &no_from);
  other = find(to_folder, to, beyond, &no_to);
  if (one && leads(one)) one = NULL;
  if (other && leads(other)) other = NULL;
  errno = saved;
  if (no_from) return refuse(ENOENT);
  if (!one && !other && !no_to) return 0;
  if (keeps && other) return refuse(EEXIST);
  if (!one != (!other && !no_to)) return refuse(EXDEV);
  return refuse_change(other, *to, !other);
}

#define MOVES(name, from_folder, to_folder, keeps, parameters, ...) \
  REAL(int, name, parameters);                            \
  int WRAPS(name)(parameters) {                           \
    char outside[LONGEST + 1], beyond[LONGEST + 1];       \
    if (moves(from_folder, &from, to_folder, &to, outside, beyond, keeps)) return -1; \
    return others(__real_##name(__VA_ARGS__));            \
  }
#define FROM_TO const char *from, const char *to
#define FROM_TO_AT int a, const char *from, int b, const char *to

MOVES(rename, AT_FDCWD, AT_FDCWD, 0, FROM_TO, from, to)
MOVES(renameat, a, b, 0, FROM_TO_AT, a, from, b, to)
MOVES(link, AT_FDCWD, AT_FDCWD, 1, FROM_TO, from, to)
MOVES(linkat, a, b, 1, FROM_TO_AT OF int flags, a, from, b, to, flags)

/* What a link names is a text. */
REAL(int, symlinkat, const char *, int, const char *);
int WRAPS(symlinkat)(const char *text, int folder, const char *path) {
  OURS(folder, path);
  if (absent || (found && !leads(found))) return refuse_change(found, path, 1);
  return __real_symlinkat(text, folder, path);
}

REAL(int, symlink, const char *, const char *);
int WRAPS(symlink)(const char *text, const char *path) {
  OURS(AT_FDCWD, path);
  if (absent || (found && !leads(found))) return refuse_change(found, path, 1);
  return __real_symlink(text, path);
}

/* Folders of ours that are being read. `of` is what says whether a slot is taken. */
static struct reading {
  const struct entry *of;
  uint32_t next;
  struct dirent here;
#ifdef __GLIBC__
  struct dirent64 here64;
#endif
} readings[1024];

static struct reading *ours(DIR *folder) {
  struct reading *one = (struct reading *)(void *)folder;
  ready();
  return one >= readings && one < readings + sizeof readings / sizeof *readings ? one : NULL;
}

REAL(DIR *, opendir, const char *);
DIR *WRAPS(opendir)(const char *path) {
  const struct entry *free_slot;
  size_t slot;
  DIR *real;
  OURS(AT_FDCWD, path);
  if (absent) return NULL;
  if (!found || leads(found)) {
    real = __real_opendir(path);
    /* A C library that is linked in opens it by the function above, which says so of a folder that is only ours. */
    if (real || !found || (errno != ENOENT && errno != EOPNOTSUPP)) return real;
  }
  if (!(found->kind & A_FOLDER)) return errno = ENOTDIR, NULL;
  for (slot = 0; slot < sizeof readings / sizeof *readings; slot++) {
    free_slot = NULL;
    if (!__atomic_compare_exchange_n(&readings[slot].of, &free_slot, found, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
    readings[slot].next = 0;
    return (DIR *)(void *)(readings + slot);
  }
  return errno = EMFILE, NULL;
}

REAL(int, closedir, DIR *);
int WRAPS(closedir)(DIR *folder) {
  struct reading *one = ours(folder);
  if (!one) return __real_closedir(folder);
  __atomic_store_n(&one->of, NULL, __ATOMIC_RELEASE);
  return 0;
}

/* `.` and `..` come first. */
#define READDIR(name, type, here)                         \
  REAL(struct type *, name, DIR *);                       \
  struct type *WRAPS(name)(DIR *folder) {                 \
    struct reading *one = ours(folder);                   \
    const struct entry *child;                            \
    const char *path, *slash;                             \
    uint32_t number;                                      \
    if (!one) return __real_##name(folder);               \
    number = one->next++;                                 \
    if (number >= one->of->count + 2) return one->next--, NULL; \
    child = number < 2 ? one->of : entries + children[one->of->first + number - 2]; \
    path = (const char *)image + child->path;             \
    slash = strrchr(path, '/');                           \
    if (number < 2) slash = number ? "/.." : "/.";        \
    memset(&one->here, 0, sizeof one->here);              \
    one->here.d_ino = (uint32_t)(child - entries) + 1;    \
    one->here.d_off = number + 1;                         \
    one->here.d_reclen = sizeof one->here;                \
    one->here.d_type = child->kind & A_FOLDER ? DT_DIR : DT_REG; \
    strncpy(one->here.d_name, slash ? slash + 1 : path, sizeof one->here.d_name - 1); \
    return &one->here;                                    \
  }

READDIR(readdir, dirent, here)
#ifdef __GLIBC__
READDIR(readdir64, dirent64, here64)
#endif

REAL(void, rewinddir, DIR *);
void WRAPS(rewinddir)(DIR *folder) {
  struct reading *one = ours(folder);
  if (one) one->next = 0;
  else __real_rewinddir(folder);
}

REAL(long, telldir, DIR *);
long WRAPS(telldir)(DIR *folder) {
  struct reading *one = ours(folder);
  return one ? (long)one->next : __real_telldir(folder);
}

REAL(void, seekdir, DIR *, long);
void WRAPS(seekdir)(DIR *folder, long at) {
  struct reading *one = ours(folder);
  if (one) one->next = (uint32_t)at;
  else __real_seekdir(folder, at);
}

REAL(int, dirfd, DIR *);
int WRAPS(dirfd)(DIR *folder) {
  return ours(folder) ? refuse(ENOTSUP) : __real_dirfd(folder);
}

/*
 * What Python imports it opens by a function that a program may put another one before (`PyFile_SetOpenCodeHook`, since 3.8): there it
 * is given the bytes themselves. A memory file for each module costs more than a file of the disk.
 */
typedef void *(*open_code)(void *path, void *data);
PYTHON(int, Py_IsInitialized, void);
PYTHON(void, Py_DecRef, void *);
PYTHON(int, PySys_Audit, const char *, const char *, ...);
PYTHON(void, PyErr_Clear, void);
PYTHON(void *, PyImport_ImportModule, const char *);
PYTHON(void *, PyObject_CallMethod, void *, const char *, const char *, ...);
PYTHON(void *, PyUnicode_EncodeFSDefault, void *);
PYTHON(void *, PyBytes_FromStringAndSize, const char *, ssize_t);
PYTHON(int, PyBytes_AsStringAndSize, void *, char **, ssize_t *);
REAL(int, PyFile_SetOpenCodeHook, open_code, void *);

static int modules_are_given;
/* The program's own. */
static open_code their_hook;
static void *their_data;

/* What is ours at a path of Python's, or NULL. */
static const struct entry *file_at(void *path) {
  const struct entry *one = NULL;
  void *encoded = PY(PyUnicode_EncodeFSDefault)(path);
  char *text;
  if (encoded && !PY(PyBytes_AsStringAndSize)(encoded, &text, NULL)) {
    const char *name = text;
    OURS(AT_FDCWD, name);
    one = found && found->kind & A_FILE ? found : NULL;
    errno = saved;
  }
  PY(PyErr_Clear)();
  if (encoded) PY(Py_DecRef)(encoded);
  return one;
}

static void *open_module(void *path, void *nothing) {
  const struct entry *one;
  void *io, *bytes, *file = NULL;
  (void)nothing;
  if (their_hook) return their_hook(path, their_data);
  one = file_at(path);
  io = PY(PyImport_ImportModule)("_io");
  if (!io) return NULL;
  if (!one) {
    file = PY(PyObject_CallMethod)(io, "open", "Os", path, "rb");
  } else if (!PY(PySys_Audit)("open", "Osi", path, "rb", O_RDONLY | O_CLOEXEC)) {
    check_file(one);
    bytes = PY(PyBytes_FromStringAndSize)((const char *)image + one->data, (ssize_t)one->size);
    if (bytes) file = PY(PyObject_CallMethod)(io, "BytesIO", "O", bytes);
    if (bytes) PY(Py_DecRef)(bytes);
  }
  PY(Py_DecRef)(io);
  return file;
}

/* Python takes one, once: it is told as if ours were not there. */
int WRAPS(PyFile_SetOpenCodeHook)(open_code hook, void *data) {
  ready();
  if (!modules_are_given || their_hook) return __real_PyFile_SetOpenCodeHook(hook, data);
  if (PY(Py_IsInitialized)() && PY(PySys_Audit)("setopencodehook", NULL) < 0) return -1;
  their_data = data;
  their_hook = hook;
  return 0;
}

static void give_modules(void) {
  modules_are_given = __real_PyFile_SetOpenCodeHook && PY(Py_IsInitialized) && PY(Py_DecRef) && PY(PySys_Audit) && PY(PyErr_Clear) &&
                      PY(PyImport_ImportModule) && PY(PyObject_CallMethod) && PY(PyUnicode_EncodeFSDefault) &&
                      PY(PyBytes_FromStringAndSize) && PY(PyBytes_AsStringAndSize) &&
                      !__real_PyFile_SetOpenCodeHook(open_module, NULL);
}

REAL(void *, dlopen, const char *, int);
#ifdef PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
/* As the loader's own: what a library does when it is loaded may load further ones. */
static pthread_mutex_t loading = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
#define LOADS(act) pthread_mutex_##act(&loading)
#else
#define LOADS(act) ((void)0)
#endif
/* By entry: the paths of the libraries that were loaded, or a text of no length: it is being loaded. */
static char **paths;

static int has_name(struct dl_phdr_info *info, size_t size, void *name) {
  (void)size;
  return info->dlpi_name && !strcmp(info->dlpi_name, name);
}

/* Libraries that were loaded before the program began are known by the paths that they had then. */
static void adopt_loaded(void) {
#ifdef ONEFILE_SHARED
  struct started *before = before_us();
  uint32_t i;
  paths = calloc(header->entries, sizeof *paths);
  for (i = 0; i < before->count; i++) {
    if (paths) paths[before->placed[i].entry] = (char *)before->placed[i].path;
    if (before->placed[i].file >= 0) ASK(SYS_close, before->placed[i].file, 0, 0, 0);
  }
#endif
}

/* The loader has to be given a path, and first those of the libraries that this one needs: it would look for them on the disk. */
static void *load_first(const struct entry *one, int flags) {
  static uint32_t spelling;
  uint32_t number = (uint32_t)(one - entries), i;
  char path[LONGEST + 1];
  const char *name = strrchr((const char *)image + one->path, '/') + 1;
  struct reasons reasons;
  void *loaded;
  int file;
  if (!paths && !(paths = calloc(header->entries, sizeof *paths))) return NULL;
  if (paths[number] && (!*paths[number] || dl_iterate_phdr(has_name, paths[number])))
    return *paths[number] ? __real_dlopen(paths[number], flags) : NULL;
  if (flags & RTLD_NOLOAD) return NULL;
  paths[number] = "";
  for (i = 0; i < one->count; i++) {
    const struct entry *needed = entries + children[one->first + i];
    /* By the name that it has itself, which is that of its file: it may be the system's. */
    if (__real_dlopen(strrchr((const char *)image + needed->path, '/') + 1, RTLD_LAZY | RTLD_NOLOAD)) continue;
    load_first(needed, flags & (RTLD_LAZY | RTLD_NOW));
  }
  file = place(path, sizeof path, name, image + one->data, one, NULL, ++spelling, getauxval(AT_SECURE) ? NULL : environ, &reasons);
  if (file == -2) check_file(one);
  if (file == -3) no_place(executable, (const char *)image + one->path, &reasons);
  loaded = __real_dlopen(path, flags);
  if (file >= 0) close(file);
  paths[number] = loaded ? strdup(path) : NULL;
  return loaded;
}

static void *load(const struct entry *one, int flags) {
  void *loaded;
  LOADS(lock);
  loaded = load_first(one, flags);
  LOADS(unlock);
  return loaded;
}

/* A name alone is looked for in the bundle's `lib` first, as the program says (DT_RPATH). */
static const struct entry *library_of(const char *name) {
  char path[LONGEST + 1] = "lib/";
  if (!image || !name || !*name || strchr(name, '/') || strlen(name) > LONGEST - 8) return NULL;
  strcat(path, name);
  return named(path);
}

void *WRAPS(dlopen)(const char *path, int flags) {
  const struct entry *one;
  void *loaded;
  OURS(AT_FDCWD, path);
  if (found && found->kind & A_FILE) return load(found, flags);
  one = library_of(path);
  if (!one) return __real_dlopen(path, flags);
  loaded = __real_dlopen(path, flags | RTLD_NOLOAD);
  return loaded ? loaded : load(one, flags);
}

/* glibc loads gcc's unwinder where a thread ends itself, and ends the process where it finds none. */
static void bring_unwinder(void) {
  static int brought;
  const struct entry *ours_too;
  if (!image || !__real_dlopen || __atomic_exchange_n(&brought, 1, __ATOMIC_ACQ_REL)) return;
  ours_too = named("lib/libgcc_s.so.1");
  if (ours_too && !__real_dlopen("libgcc_s.so.1", RTLD_NOW)) load(ours_too, RTLD_NOW);
}

REAL_END(pthread_exit, void *);
__attribute__((noreturn)) void WRAPS(pthread_exit)(void *value) {
  bring_unwinder();
  __real_pthread_exit(value);
  __builtin_unreachable();
}

REAL(int, pthread_cancel, pthread_t);
int WRAPS(pthread_cancel)(pthread_t thread) {
  bring_unwinder();
  return __real_pthread_cancel(thread);
}

/* The process ends, or becomes or starts another one. */
REAL_END(_exit, int);
__attribute__((noreturn)) void WRAPS(_exit)(int status) {
  finish_check();
  __real__exit(status);
  __builtin_unreachable();
}

REAL_END(_Exit, int);
__attribute__((noreturn)) void WRAPS(_Exit)(int status) {
  finish_check();
  __real__Exit(status);
  __builtin_unreachable();
}

#define STARTS(name, parameters, ...)                     \
  REAL(int, name, parameters);                            \
  int WRAPS(name)(parameters) {                           \
    finish_check();                                       \
    return __real_##name(__VA_ARGS__);                    \
  }
#define EXEC const char *path, char *const arguments[]
#define EXEC_WITH const char *path, char *const arguments[], char *const environment[]
#define EXEC_FILE int file, char *const arguments[], char *const environment[]
#define SPAWN                                             \
  pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, \
    char *const arguments[], char *const environment[]

STARTS(execv, EXEC, path, arguments)
STARTS(execvp, EXEC, path, arguments)
STARTS(execve, EXEC_WITH, path, arguments, environment)
STARTS(fexecve, EXEC_FILE, file, arguments, environment)
STARTS(posix_spawn, SPAWN, child, path, actions, attributes, arguments, environment)
STARTS(posix_spawnp, SPAWN, child, path, actions, attributes, arguments, environment)
