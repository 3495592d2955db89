/*
 * Linked into every program that has its Python inside, for `--format onefile`: the files of the bundle's `lib` lie behind the
 * program in the same executable, and the kernel maps them with it. They are found where a bundle would have them: in `lib` of
 * the program's own folder. The linker puts the functions below before those of the C library (ld(1), `--wrap`); paths that
 * are not ours, and all paths of a program without such files, go through to it.
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
#include <pthread.h>
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
#include <unistd.h>

#define LONGEST 4096
/* Of `st_dev`: no device that the kernel gives numbers to. */
#define DEVICE 0x6f6e6566
#define WRAPS(name) __wrap_##name
/* Weak: which of them there are depends on the C library. */
#define REAL(type, name, ...) __attribute__((weak)) type __real_##name(__VA_ARGS__)

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

/*
 * All numbers have the byte order of the program. Offsets are those of the file; it is mapped a second time, all but its first
 * `head` bytes: these are where the linker wanted them, `origin` bytes before this.
 */
struct header {
  uint32_t program, origin, head, time, table, table_size, buckets, entries, library;
  /* The list of files begins with their names. */
  uint32_t head_sum[2], program_sum[2], table_sum[2], names, sum[2];
};

enum { A_FILE = 1, A_FOLDER = 2, OURS_ALONE = 4 };

/* A file has `data` and `size`, a folder its entries `first` … `first + count` of the list of children. */
struct entry {
  uint32_t path, length, kind, data, size, sum[2], first, count;
};

static const unsigned char *image;
static const struct header *header;
static const uint32_t *buckets;
static const struct entry *entries;
static const uint32_t *children;
static const char *library;
static size_t library_length;
static char executable[LONGEST + 1], home[LONGEST + 1];
static size_t home_length;

REAL(ssize_t, readlink, const char *, char *, size_t);
REAL(char *, realpath, const char *, char *);

/*
 * Whether the bytes are those that were put in: Fletcher's sums over eight columns of words, as fast as memory, but turned by some
 * bits at each step: what is added to the highest bit would be lost otherwise. No single changed word goes unnoticed. `bytes` is
 * aligned, and zero up to a multiple of 32.
 */
#define TURNED(sums, by) ((sums) << (by) | (sums) >> (32 - (by)))
typedef uint32_t words __attribute__((vector_size(16)));
static void sum_of(const void *bytes, size_t size, uint32_t out[2]) {
  words sums[4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {0}, {0}};
  const words *at = bytes;
  size_t left;
  int i;
  for (left = (size + 31) / 32; left; left--, at += 2) {
    sums[0] = TURNED(sums[0], 7) + at[0];
    sums[1] = TURNED(sums[1], 7) + at[1];
    sums[2] = TURNED(sums[2], 5) + sums[0];
    sums[3] = TURNED(sums[3], 5) + sums[1];
  }
  out[0] = (uint32_t)size;
  out[1] = 0;
  for (i = 0; i < 16; i++) {
    out[0] = (out[0] ^ sums[i / 4][i % 4]) * 0x85ebca6bu;
    out[0] = out[0] << 13 | out[0] >> 19;
    out[1] = (out[1] ^ out[0]) * 0xc2b2ae35u;
    out[1] = out[1] << 16 | out[1] >> 16;
  }
}

static int is_sound(const void *bytes, size_t size, const uint32_t wanted[2]) {
  uint32_t sum[2];
  sum_of(bytes, size, sum);
  return sum[0] == wanted[0] && sum[1] == wanted[1];
}

static void say(const char *text) {
  size_t length = strlen(text);
  ssize_t done;
  for (; length && (done = write(2, text, length)) > 0; length -= (size_t)done) text += done;
}

__attribute__((noreturn)) static void damaged(const char *what) {
  say(executable);
  say(": this executable is damaged.\n  why: ");
  say(what);
  say(" is not as it was made: a copy was cut off, or a transfer or a disk changed it.\n"
      "  fix: copy or download it again, and compare its SHA-256 with that of the original.\n");
  /* Not through the functions below: they would wait for the thread that says this. */
  for (;;) syscall(SYS_exit_group, 5);
}

/* What a mapping does where the file has ended. */
static void cut_off(int number) {
  (void)number;
  damaged("the end of the file");
}

static void find_home(void) {
  ssize_t length = __real_readlink ? __real_readlink("/proc/self/exe", executable, LONGEST) : -1;
  const char *name;
  char *slash;
  if (length <= 0) {
    /* No /proc: what the kernel was told to start. */
    name = (const char *)getauxval(AT_EXECFN);
    if (!name || !__real_realpath || !__real_realpath(name, executable))
      strncpy(executable, name ? name : "/", LONGEST);
  }
  strcpy(home, executable);
  slash = strrchr(home, '/');
  home_length = slash ? (size_t)(slash - home) : 0;
  home[home_length] = 0;
}

static pthread_t checker;
static int checking;
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

static void *check_program(void *nothing) {
  if (!is_sound(image + header->head, header->program - header->head, header->program_sum)) damaged("the program");
  return nothing;
}

/* Before anything that is not ours is read, before the process becomes two or another one, and before it ends. */
__attribute__((destructor(101))) static void finish_check(void) {
  if (!__atomic_load_n(&checking, __ATOMIC_ACQUIRE)) return;
  pthread_mutex_lock(&ending);
  if (checking) pthread_join(checker, NULL);
  __atomic_store_n(&checking, 0, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&ending);
}

/* Megabytes: they are read by a thread of their own, while the interpreter is initialised. */
static void begin_check(void) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  checking = !pthread_create(&checker, NULL, check_program, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!checking) check_program(NULL);
  else pthread_atfork(finish_check, NULL, NULL);
}

__attribute__((constructor(101))) static void start(void) {
  struct sigaction handler, before;
  if (!marker.distance) return;
  header = (const struct header *)((uintptr_t)&marker + (uintptr_t)marker.distance);
  find_home();
  memset(&handler, 0, sizeof handler);
  handler.sa_handler = cut_off;
  sigaction(SIGBUS, &handler, &before);
  if (!is_sound(header, sizeof *header - sizeof header->sum, header->sum)) damaged("the description of its content");
  image = (const unsigned char *)header - header->program;
  if (!is_sound(image + header->names, header->table + header->table_size - header->names, header->table_sum))
    damaged("the list of its files");
  if (!is_sound((const unsigned char *)header - header->origin, header->head, header->head_sum))
    damaged("the beginning of the program");
  sigaction(SIGBUS, &before, 0);
  begin_check();
  buckets = (const uint32_t *)(image + header->table);
  entries = (const struct entry *)(buckets + header->buckets);
  children = (const uint32_t *)(entries + header->entries);
  library = (const char *)image + header->library;
  library_length = strlen(library);
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
  if (!home_length && length == 4 && !memcmp(path, "/usr", 4)) return 1;
  if (length > LONGEST || !__real_realpath) return 0;
  memcpy(name, path, length);
  strcpy(name + length, length ? "" : *path == '/' ? "/" : ".");
  return __real_realpath(name, real) && !strcmp(*home ? home : "/", real);
}

/* Without empty parts, `.` and `..`; there are no links among our files. Not 0: it leads out of them. */
static int normalise(const char *path, char *out) {
  size_t end = 0, length;
  for (; *path; path += length) {
    while (*path == '/') path++;
    length = strcspn(path, "/");
    if (!length || (length == 1 && *path == '.')) continue;
    if (length == 2 && path[0] == '.' && path[1] == '.') {
      if (!end) return -1;
      while (end && out[--end] != '/') continue;
      continue;
    }
    if (end + length + 2 > LONGEST) return -1;
    if (end) out[end++] = '/';
    memcpy(out + end, path, length);
    end += length;
  }
  out[end] = 0;
  return 0;
}

static const struct entry *named(const char *path) {
  uint32_t hash = 2166136261u, number;
  const char *at;
  for (at = path; *at; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
  for (hash &= header->buckets - 1; (number = buckets[hash]); hash = (hash + 1) & (header->buckets - 1))
    if (!strcmp((const char *)image + entries[number - 1].path, path)) return entries + number - 1;
  return NULL;
}

/* What is ours at a path below the program's folder. */
static const struct entry *below_home(const char *path, int *absent) {
  char clean[LONGEST + 1];
  const struct entry *found;
  if (normalise(path, clean) || !*clean) return NULL;
  found = named(clean);
  *absent = !found && is_in(clean, library, library_length);
  return found;
}

/*
 * What is ours at a path. `absent`: nothing, and nothing of the machine either, since the standard library's folder is ours
 * alone. Folders that only lead there are the machine's where it has them.
 */
static const struct entry *find(int folder, const char *path, int *absent) {
  const struct entry *found = NULL;
  const char *at = path;
  *absent = 0;
  if (!image || !path || (folder != AT_FDCWD && *path != '/')) return NULL;
  if (!strncmp(path, home, home_length) && path[home_length] == '/') found = below_home(path + home_length + 1, absent);
  for (; !found && !*absent && (at = strstr(at, library)); at++) {
    if (!is_in(at, library, library_length) || (at != path && at[-1] != '/')) continue;
    if (is_home(path, at == path ? 0 : (size_t)(at - path) - (at - path > 1))) found = below_home(at, absent);
    break;
  }
  if (*absent) errno = ENOENT;
  return found;
}

#define OURS(folder, path)                        \
  int absent, saved = errno;                      \
  const struct entry *found = find(folder, path, &absent); \
  if (!absent) errno = saved

/* A folder that may be the machine's, too, where that failed to find one. */
static int leads(const struct entry *one) { return !(one->kind & (A_FILE | OURS_ALONE)); }

static int refuse(int error) {
  errno = error;
  return -1;
}

static int write_all(int file, const unsigned char *from, size_t size) {
  ssize_t done;
  off_t at = 0;
  for (; size; size -= (size_t)done, at += done)
    if ((done = pwrite(file, from + at, size, at)) <= 0) return done ? -1 : refuse(ENOSPC);
  return 0;
}

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#endif
/* Since Linux 6.3; demanded where `vm.memfd_noexec` is 2. */
#define NOT_EXECUTABLE 8u
/* Not F_SEAL_WRITE: before Linux 6.7 what has it cannot be mapped to be read. F_SEAL_FUTURE_WRITE is there since 5.1. */
#define SEALS 0x17
#define OLDER_SEALS 7

/* A memory file; where there are none (a kernel, a sandbox), a nameless one in the folder for temporary files. */
static int new_file(const char *name, int flags) {
  unsigned how = flags & O_CLOEXEC ? MFD_CLOEXEC : 0;
  const char *folder = getenv("TMPDIR");
  int file = (int)syscall(SYS_memfd_create, name, how | NOT_EXECUTABLE);
  if (file < 0 && errno == EINVAL) file = (int)syscall(SYS_memfd_create, name, how | MFD_ALLOW_SEALING);
  if (file >= 0 || (errno != ENOSYS && errno != EPERM && errno != EACCES)) return file;
#ifdef O_TMPFILE
  file = (int)syscall(SYS_openat, AT_FDCWD, folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | (flags & O_CLOEXEC), 0600);
#endif
  return file;
}

static void check_file(const struct entry *one) {
  char what[LONGEST + 32];
  if (is_sound(image + one->data, one->size, one->sum)) return;
  strcpy(what, "the file ");
  strcat(what, (const char *)image + one->path);
  damaged(what);
}

static int open_entry(const struct entry *one, int flags) {
  const char *path = (const char *)image + one->path, *name = strrchr(path, '/');
  struct timespec times[2] = {{header->time, 0}, {header->time, 0}};
  int file;
  if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return refuse(EEXIST);
  if (one->kind & A_FOLDER) return refuse((flags & O_ACCMODE) == O_RDONLY ? EOPNOTSUPP : EISDIR);
  if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC) return refuse(EROFS);
  if (flags & O_DIRECTORY) return refuse(ENOTDIR);
  check_file(one);
  file = new_file(name ? name + 1 : path, flags);
  if (file < 0) return -1;
  if (write_all(file, image + one->data, one->size)) {
    int why = errno;
    close(file);
    return refuse(why);
  }
  futimens(file, times);
  if (fcntl(file, F_ADD_SEALS, SEALS)) fcntl(file, F_ADD_SEALS, OLDER_SEALS);
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

#define PLAIN_STAT(name, kind)                                     \
  REAL(int, name, const char *, struct kind *);                    \
  int WRAPS(name)(const char *path, struct kind *to) {             \
    STAT(AT_FDCWD, path, to, __real_##name(path, to));       \
  }
#define VERSIONED_STAT(name, kind)                                 \
  REAL(int, name, int, const char *, struct kind *);               \
  int WRAPS(name)(int version, const char *path, struct kind *to) { \
    STAT(AT_FDCWD, path, to, __real_##name(version, path, to)); \
  }
#define STAT_AT(name, kind)                                        \
  REAL(int, name, int, const char *, struct kind *, int);          \
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

#ifdef STATX_BASIC_STATS
REAL(int, statx, int, const char *, int, unsigned, struct statx *);
static int real_statx(int folder, const char *path, int flags, unsigned mask, struct statx *to) {
  return __real_statx ? __real_statx(folder, path, flags, mask, to)
                      : (int)syscall(SYS_statx, folder, path, flags, mask, to);
}
int WRAPS(statx)(int folder, const char *path, int flags, unsigned mask, struct statx *to) {
  OURS(folder, path);
  if (absent) return -1;
  if (!found) return real_statx(folder, path, flags, mask, to);
  if (leads(found)) {
    int real = real_statx(folder, path, flags, mask, to);
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
  if (home_length + found->length + 2 > LONGEST) return errno = ENAMETOOLONG, NULL;
  if (!to && !(to = malloc(home_length + found->length + 2))) return NULL;
  memcpy(to, home, home_length);
  to[home_length] = '/';
  strcpy(to + home_length + 1, below);
  return to;
}

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
    if (real || !found || errno != ENOENT) return real;
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

REAL(void *, dlopen, const char *, int);
/* The loader has to be given a path: that of a memory file. */
static void *load(const struct entry *one, int flags) {
  char path[48];
  void *loaded;
  int file = open_entry(one, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  loaded = __real_dlopen(path, flags);
  close(file);
  return loaded;
}

void *WRAPS(dlopen)(const char *path, int flags) {
  OURS(AT_FDCWD, path);
  return found && found->kind & A_FILE ? load(found, flags) : __real_dlopen(path, flags);
}

/* glibc loads gcc's unwinder where a thread ends itself, and ends the process where it finds none. */
static void bring_unwinder(void) {
  static int brought;
  const struct entry *ours_too;
  if (!image || !__real_dlopen || __atomic_exchange_n(&brought, 1, __ATOMIC_ACQ_REL)) return;
  ours_too = named("lib/libgcc_s.so.1");
  if (ours_too && !__real_dlopen("libgcc_s.so.1", RTLD_NOW)) load(ours_too, RTLD_NOW);
}

__attribute__((weak, noreturn)) void __real_pthread_exit(void *);
__attribute__((noreturn)) void WRAPS(pthread_exit)(void *value) {
  bring_unwinder();
  __real_pthread_exit(value);
}

REAL(int, pthread_cancel, pthread_t);
int WRAPS(pthread_cancel)(pthread_t thread) {
  bring_unwinder();
  return __real_pthread_cancel(thread);
}

/* The process ends, or becomes or starts another one. */
__attribute__((weak, noreturn)) void __real__exit(int);
__attribute__((noreturn)) void WRAPS(_exit)(int status) {
  finish_check();
  __real__exit(status);
}

__attribute__((weak, noreturn)) void __real__Exit(int);
__attribute__((noreturn)) void WRAPS(_Exit)(int status) {
  finish_check();
  __real__Exit(status);
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
