/*
 * Of one file: the description of what lies behind the program, its sums, and how a library of it is given a path that the loader
 * can open. Shared by `onefile.c` and by `onefile-start.c`, which runs before any library is there: nothing here calls one.
 */
#ifndef ONEFILE_PLACE_H
#define ONEFILE_PLACE_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONGEST 4096
/* Of a function that is not needed everywhere, and in which no loop becomes a call of the C library. */
#if defined(__clang__)
#define FREE __attribute__((unused, no_builtin))
#else
#define FREE __attribute__((unused, optimize("no-tree-loop-distribute-patterns")))
#endif

/*
 * All numbers have the byte order of the program. Offsets are those of the file; it is mapped a second time, all but its first
 * `head` bytes: these are where the linker wanted them, `origin` bytes before this.
 */
struct header {
  uint32_t program, origin, head, time, table, table_size, buckets, entries, library;
  /* The list of files begins with their names. `begin`: of a program whose libraries are in the file, too. */
  uint32_t head_sum[2], program_sum[2], table_sum[2], names, begin, zero[7], sum[2];
};

/* A file has `data` and `size`, a folder its entries `first` … `first + count` of the list of children; a library those it needs. */
struct entry {
  uint32_t path, length, kind, data, size, sum[2], first, count;
};

/*
 * A library that is loaded at once. What is from `from` up to `until` in it, multiples of the largest page, is not read before the
 * program begins, and is mapped from the executable then; not so where both are 0. The sums are of what is before it, behind
 * it, and of itself.
 */
struct loaded {
  uint32_t entry, from, until, before_sum[2], behind_sum[2], hole_sum[2];
};

/* What starts a program whose libraries are in the file: addresses as they were linked. */
struct begin {
  uint64_t entry, interpreter, dynamic, strings;
  /* The program header of the interpreter. */
  uint32_t hidden, count;
  struct loaded loaded[];
};

#if defined(__LP64__)
typedef Elf64_Ehdr file_header;
typedef Elf64_Phdr program_header;
typedef Elf64_Dyn dynamic_tag;
#else
typedef Elf32_Ehdr file_header;
typedef Elf32_Phdr program_header;
typedef Elf32_Dyn dynamic_tag;
#endif

#define HEADERS_MOST 32
#define PLACED_MOST 64
/* What `onefile-start.c` leaves for `onefile.c`, which finds it by AT_PHDR. */
struct started {
  const struct header *header;
  uint32_t count;
  /* A descriptor of the executable, where something of it is still to be mapped. */
  int self;
  struct {
    const char *path;
    uint32_t entry, from, until;
    /* Not negative: a descriptor that is only needed until it is loaded. */
    int file;
  } placed[PLACED_MOST];
  program_header headers[HEADERS_MOST];
  dynamic_tag dynamic[PLACED_MOST + 128];
  char texts[32 * 1024];
};

/* The kernel is asked directly; what it refuses is a negative error. */
#if defined(__x86_64__)
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  long to;
  __asm__ volatile("syscall" : "=a"(to) : "0"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return to;
}
#define STARTS_HERE 1
#elif defined(__aarch64__)
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#define STARTS_HERE 1
#elif defined(__arm__) && !defined(__thumb__)
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long r7 __asm__("r7") = n, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
  register long r3 __asm__("r3") = d, r4 __asm__("r4") = e, r5 __asm__("r5") = f;
  __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
  return r0;
}
#define STARTS_HERE 1
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long r0 __asm__("r0") = n, r3 __asm__("r3") = a, r4 __asm__("r4") = b, r5 __asm__("r5") = c;
  register long r6 __asm__("r6") = d, r7 __asm__("r7") = e, r8 __asm__("r8") = f;
  __asm__ volatile("sc\n\tbns+ 1f\n\tneg %1, %1\n1:"
                   : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
                   :
                   : "memory", "cr0", "ctr", "r9", "r10", "r11", "r12");
  return r3;
}
#define STARTS_HERE 1
#elif defined(__s390x__)
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long r1 __asm__("r1") = n, r2 __asm__("r2") = a, r3 __asm__("r3") = b, r4 __asm__("r4") = c;
  register long r5 __asm__("r5") = d, r6 __asm__("r6") = e, r7 __asm__("r7") = f;
  __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7) : "memory");
  return r2;
}
#define STARTS_HERE 1
#elif defined(__riscv) && __riscv_xlen == 64
FREE static long ask(long n, long a, long b, long c, long d, long e, long f) {
  register long a7 __asm__("a7") = n, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d, a4 __asm__("a4") = e, a5 __asm__("a5") = f;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
  return a0;
}
#define STARTS_HERE 1
#else
/* Only `onefile.c` is for other machines. */
static inline long ask(long n, long a, long b, long c, long d, long e, long f) {
  long to = syscall(n, a, b, c, d, e, f);
  return to < 0 ? -errno : to;
}
#endif
#define ASK(n, a, b, c, d) ask(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

FREE static void *map_pages(void *at, size_t size, int may, int flags, int file, unsigned long offset) {
#if defined(__s390x__)
  unsigned long all[6] = {(unsigned long)at, size, (unsigned long)may, (unsigned long)flags, (unsigned long)file, offset};
  return (void *)ASK(SYS_mmap, all, 0, 0, 0);
#elif defined(SYS_mmap2)
  return (void *)ask(SYS_mmap2, (long)at, (long)size, may, flags, file, (long)(offset >> 12));
#else
  return (void *)ask(SYS_mmap, (long)at, (long)size, may, flags, file, (long)offset);
#endif
}
#define IS_MAPPED(at) ((unsigned long)(at) < -4096ul)

FREE static size_t length_of(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

/* Appends what there is room for. */
FREE static void append(char *to, size_t room, const char *text) {
  size_t end = length_of(to);
  while (*text && end + 1 < room) to[end++] = *text++;
  to[end] = 0;
}

FREE static void append_number(char *to, size_t room, uint64_t number, unsigned base) {
  char digits[24];
  int at = sizeof digits - 1;
  digits[at] = 0;
  do {
    unsigned digit = (unsigned)(number % base);
    digits[--at] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
  } while (number /= base);
  append(to, room, digits + at);
}

FREE static void say(const char *text) {
  size_t length = length_of(text);
  long done;
  for (; length && (done = ASK(SYS_write, 2, text, length, 0)) > 0; length -= (size_t)done) text += done;
}

__attribute__((noreturn)) FREE static void end_with(int status) {
  /* Not through the functions of `onefile.c`: they would wait for the thread that says this. */
  for (;;) ASK(SYS_exit_group, status, 0, 0, 0);
}

__attribute__((noreturn)) FREE static void damaged(const char *program, const char *kind, const char *name, const char *how) {
  say(program);
  say(": this executable is damaged.\n  why: ");
  say(kind);
  say(name);
  say(how);
  say("\n  fix: copy or download it again, and compare its SHA-256 with that of the original.\n");
  end_with(5);
}
#define CHANGED " is not as it was made: a copy was cut off, or a transfer or a disk changed it."
#define CUT_OFF \
  "the end of the file is not as it was made: a copy was cut off, a transfer or a disk changed it, or a tool such as `strip` " \
  "took the files away that lie behind the program."

/*
 * Whether the bytes are those that were put in: Fletcher's sums over eight columns of words, as fast as memory, but turned by some
 * bits at each step: what is added to the highest bit would be lost otherwise. No single changed word goes unnoticed. `bytes` is
 * aligned, and zero up to a multiple of 32.
 */
#define TURNED(sums, by) ((sums) << (by) | (sums) >> (32 - (by)))
typedef uint32_t words __attribute__((vector_size(16)));
struct sums {
  words of[4];
};

FREE static void begin_sum(struct sums *sums) {
  int i;
  for (i = 0; i < 16; i++) sums->of[i / 4][i % 4] = i < 8 ? (uint32_t)i + 1 : 0;
}

FREE static void add_sum(struct sums *sums, const void *bytes, size_t size) {
  words a = sums->of[0], b = sums->of[1], c = sums->of[2], d = sums->of[3];
  const words *at = bytes;
  size_t left;
  for (left = (size + 31) / 32; left; left--, at += 2) {
    a = TURNED(a, 7) + at[0];
    b = TURNED(b, 7) + at[1];
    c = TURNED(c, 5) + a;
    d = TURNED(d, 5) + b;
  }
  sums->of[0] = a;
  sums->of[1] = b;
  sums->of[2] = c;
  sums->of[3] = d;
}

FREE static int is_sum(const struct sums *sums, size_t size, const uint32_t wanted[2]) {
  uint32_t low = (uint32_t)size, high = 0;
  int i;
  for (i = 0; i < 16; i++) {
    low = (low ^ sums->of[i / 4][i % 4]) * 0x85ebca6bu;
    low = low << 13 | low >> 19;
    high = (high ^ low) * 0xc2b2ae35u;
    high = high << 16 | high >> 16;
  }
  return low == wanted[0] && high == wanted[1];
}

FREE static int is_sound(const void *bytes, size_t size, const uint32_t wanted[2]) {
  struct sums sums;
  begin_sum(&sums);
  add_sum(&sums, bytes, size);
  return is_sum(&sums, size, wanted);
}

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#endif
/* Since Linux 6.3; demanded where `vm.memfd_noexec` is 2. It can be mapped to be executed all the same. */
#define NOT_EXECUTABLE 8u
/* Not F_SEAL_WRITE: before Linux 6.7 what has it cannot be mapped to be read. F_SEAL_FUTURE_WRITE is there since 5.1. */
#define SEALS 0x17
#define OLDER_SEALS 7

FREE static int new_memory_file(const char *name, unsigned how) {
  long file = ASK(SYS_memfd_create, name, how | NOT_EXECUTABLE, 0, 0);
  if (file == -EINVAL) file = ASK(SYS_memfd_create, name, how | MFD_ALLOW_SEALING, 0, 0);
  return (int)file;
}

FREE static void seal(int file) {
#ifdef SYS_fcntl64
#define SYS_SEAL SYS_fcntl64
#else
#define SYS_SEAL SYS_fcntl
#endif
  if (ASK(SYS_SEAL, file, F_ADD_SEALS, SEALS, 0)) ASK(SYS_SEAL, file, F_ADD_SEALS, OLDER_SEALS, 0);
}

/* SIGXFSZ, and the limit of what a process may write, which counts for memory files, too. */
struct limit {
  uint64_t now, most;
};
#define LARGEST_FILE 1
#define TOO_LARGE (1ull << (25 - 1))

/*
 * Writes, with the limit of file sizes lifted as far as the process may. 0, or the error. With `sums` it adds what it writes to
 * them, while that is in the processor's cache.
 */
FREE static int write_all(int file, const unsigned char *from, size_t size, struct sums *sums) {
  struct limit before, lifted;
  uint64_t mask = TOO_LARGE, blocked = 0;
  size_t at, end, part;
  long done = 0;
  int limited = !ASK(SYS_prlimit64, 0, LARGEST_FILE, 0, &before) && before.now < size;
  if (limited) {
    ASK(SYS_rt_sigprocmask, 0, &mask, &blocked, sizeof mask);
    lifted.now = lifted.most = ~0ull;
    if (ASK(SYS_prlimit64, 0, LARGEST_FILE, &lifted, 0)) {
      lifted.now = lifted.most = before.most;
      ASK(SYS_prlimit64, 0, LARGEST_FILE, &lifted, 0);
    }
  }
  for (at = 0; at < size && done >= 0; at = end) {
    part = size - at > 0x40000 && sums ? 0x40000 : size - at;
    end = at + part;
    if (sums) add_sum(sums, from + at, part);
    for (part = at; part < end && done >= 0; part += (size_t)done) {
      done = ASK(SYS_write, file, from + part, end - part, 0);
      if (!done) done = -ENOSPC;
      if (done == -EINTR) done = 0;
    }
  }
  if (limited) {
    ASK(SYS_prlimit64, 0, LARGEST_FILE, &before, 0);
    /* One that was sent is taken back with a signal wait, or it would come now. */
    if (done == -EFBIG) {
      uint64_t none[2] = {0, 0};
      ASK(SYS_rt_sigtimedwait, &mask, 0, none, sizeof mask);
    }
    ASK(SYS_rt_sigprocmask, 2, &blocked, 0, sizeof mask);
  }
  return done < 0 ? (int)-done : 0;
}

/* EBADMSG: it is not what it was. */
FREE static int write_part(int file, const unsigned char *from, size_t size, const uint32_t wanted[2]) {
  struct sums sums;
  int error;
  begin_sum(&sums);
  error = write_all(file, from, size, &sums);
  return !error && !is_sum(&sums, size, wanted) ? EBADMSG : error;
}

/* Of struct statx, what is looked at (statx(2)): the same on every machine. */
struct described {
  uint32_t mask, block;
  uint64_t attributes;
  uint32_t links, user, group;
  uint16_t mode, spare;
  uint64_t number, size;
  uint64_t rest[26];
};

#ifndef SYS_statx
#define SYS_statx __NR_statx
#endif

FREE static uint32_t own_user(void) {
#ifdef SYS_geteuid32
  return (uint32_t)ASK(SYS_geteuid32, 0, 0, 0, 0);
#else
  return (uint32_t)ASK(SYS_geteuid, 0, 0, 0, 0);
#endif
}

#define EMPTY_PATH 0x1000
#define AS_IT_IS 0x100

FREE static int may_run(int file, size_t size) {
  void *at = map_pages(0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (!IS_MAPPED(at)) return (int)-(long)at;
  ASK(SYS_munmap, at, size, 0, 0);
  return 0;
}

FREE static int has_bytes(int file, const unsigned char *bytes, size_t size) {
  struct described is;
  const unsigned char *at;
  size_t i;
  if (ask(SYS_statx, file, (long)"", EMPTY_PATH, 0x7ff, (long)&is, 0) || is.size != size || is.user != own_user()) return 0;
  at = map_pages(0, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (!IS_MAPPED(at)) return 0;
  for (i = 0; i + 8 <= size && *(const uint64_t *)(at + i) == *(const uint64_t *)(bytes + i); i += 8) continue;
  while (i < size && at[i] == bytes[i]) i++;
  ASK(SYS_munmap, at, size, 0, 0);
  return i == size;
}

/* Why there is no place: one line for each folder that was tried. */
struct reasons {
  char text[2048];
};

FREE static void add_reason(struct reasons *reasons, const char *place, int error) {
  append(reasons->text, sizeof reasons->text, "\n    ");
  append(reasons->text, sizeof reasons->text, place);
  append(reasons->text, sizeof reasons->text, ": ");
  append(reasons->text, sizeof reasons->text,
         error == ENOSPC || error == EDQUOT ? "no space left"
         : error == EROFS                   ? "read-only"
         : error == EPERM || error == EACCES ? "not permitted (`noexec`, or another user's)"
         : error == ENOENT                  ? "not there"
         : error == EFBIG                   ? "larger than files may be (`ulimit -f`)"
                                            : "error ");
  if (error != ENOSPC && error != EDQUOT && error != EROFS && error != EPERM && error != EACCES && error != ENOENT &&
      error != EFBIG)
    append_number(reasons->text, sizeof reasons->text, (uint64_t)error, 10);
}

/* A file of the cache in this folder, which is the user's alone; its path replaces that of the folder. 0, or the error. */
FREE static int cache_in(char *path, size_t room, const char *name, const unsigned char *bytes, size_t size, const uint32_t sum[2]) {
  static uint32_t attempts;
  struct described is;
  char other[LONGEST];
  long file, error;
  append(path, room, "/onefile-");
  append_number(path, room, own_user(), 10);
  error = ASK(SYS_mkdirat, AT_FDCWD, path, 0700, 0);
  if (error && error != -EEXIST) return (int)-error;
  error = ask(SYS_statx, AT_FDCWD, (long)path, AS_IT_IS, 0x7ff, (long)&is, 0);
  if (error) return (int)-error;
  if ((is.mode & 0170077) != 0040000 || is.user != own_user()) return EPERM;
  append(path, room, "/");
  append_number(path, room, (uint64_t)sum[0] << 32 | sum[1], 16);
  append(path, room, "-");
  append_number(path, room, size, 16);
  append(path, room, "-");
  append(path, room, name);
  file = ASK(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (file >= 0) {
    int same = has_bytes((int)file, bytes, size);
    error = same ? may_run((int)file, size) : 0;
    ASK(SYS_close, file, 0, 0, 0);
    if (same) return (int)error;
  }
  other[0] = 0;
  append(other, sizeof other, path);
  append(other, sizeof other, ".");
  append_number(other, sizeof other, (uint64_t)ASK(SYS_getpid, 0, 0, 0, 0), 10);
  append(other, sizeof other, ".");
  append_number(other, sizeof other, __atomic_fetch_add(&attempts, 1, __ATOMIC_RELAXED), 10);
  ASK(SYS_unlinkat, AT_FDCWD, other, 0, 0);
  file = ASK(SYS_openat, AT_FDCWD, other, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500);
  if (file < 0) return (int)-file;
  error = write_all((int)file, bytes, size, 0);
  /* Before it has its name: a `noexec` file system keeps nothing. */
  if (!error) error = may_run((int)file, size);
  ASK(SYS_close, file, 0, 0, 0);
  if (!error) error = -ask(SYS_renameat2, AT_FDCWD, (long)other, AT_FDCWD, (long)path, 0, 0);
  if (error) ASK(SYS_unlinkat, AT_FDCWD, other, 0, 0);
  return (int)error;
}

FREE static const char *variable(char *const *environment, const char *name) {
  size_t length = length_of(name), i;
  for (; *environment; environment++) {
    for (i = 0; i < length && (*environment)[i] == name[i]; i++) continue;
    if (i == length && (*environment)[i] == '=' && (*environment)[i + 1] == '/') return *environment + i + 1;
  }
  return 0;
}

/* A path in the user's cache; `environment` is absent where it is not to be trusted. */
FREE static int cache(char *path, size_t room, const char *name, const unsigned char *bytes, size_t size, const uint32_t sum[2],
                      char *const *environment, struct reasons *reasons) {
  int number, error;
  for (number = 0; number < 7; number++) {
    const char *folder = number == 3 ? "/tmp" : number == 4 ? "/var/tmp" : number == 5 ? "/dev/shm" : number == 6 ? "/run/user/" : 0;
    if (number < 3 && environment)
      folder = variable(environment, number == 0 ? "XDG_CACHE_HOME" : number == 1 ? "HOME" : "TMPDIR");
    if (!folder || length_of(folder) > LONGEST / 2) continue;
    path[0] = 0;
    append(path, room, folder);
    if (number == 1) append(path, room, "/.cache");
    if (number == 6) append_number(path, room, own_user(), 10);
    error = cache_in(path, room, name, bytes, size, sum);
    if (!error) return 0;
    path[0] = 0;
    append(path, room, folder);
    add_reason(reasons, path, error);
  }
  return ENOSPC;
}

__attribute__((noreturn)) FREE static void no_place(const char *program, const char *name, const struct reasons *reasons) {
  say(program);
  say(": there is no place for a library of it, ");
  say(name);
  say(".\n  why: the system's loader takes libraries from files only, and none can be had:");
  say(reasons->text);
  say("\n  fix: mount /proc and permit `memfd_create`, or set TMPDIR to a folder with free space, without `noexec`, that you may "
      "write to.\n");
  end_with(5);
}

/*
 * A path at which the loader finds the library: of a memory file, whose descriptor is needed until then, or else of the user's
 * cache (-1). `spelling` makes one path differ from all others, since the loader knows what it has by their texts. -2: damaged;
 * -3: no place.
 */
FREE static int place(char *path, size_t room, const char *name, const unsigned char *bytes, const struct entry *one,
                      const struct loaded *parts, uint32_t spelling, char *const *environment, struct reasons *reasons) {
  int error, file = new_memory_file(name, MFD_CLOEXEC);
  reasons->text[0] = 0;
  if (file >= 0) {
    if (parts && parts->until) {
      error = write_part(file, bytes, parts->from, parts->before_sum);
      if (!error && ASK(SYS_lseek, file, parts->until, 0, 0) != (long)parts->until) error = EIO;
      if (!error) error = write_part(file, bytes + parts->until, one->size - parts->until, parts->behind_sum);
    } else {
      error = write_part(file, bytes, one->size, one->sum);
    }
    if (error == EBADMSG) return -2;
    path[0] = 0;
    append(path, room, "/proc/self/fd/");
    for (; spelling; spelling >>= 1) append(path, room, spelling & 1 ? "./" : "/");
    append_number(path, room, (uint64_t)file, 10);
    if (!error) error = (int)-ASK(SYS_faccessat, AT_FDCWD, path, 4, 0);
    if (!error) error = may_run(file, one->size);
    if (!error) {
      seal(file);
      return file;
    }
    add_reason(reasons, "a memory file by /proc", error);
    ASK(SYS_close, file, 0, 0, 0);
  } else {
    add_reason(reasons, "a memory file (memfd_create)", -file);
  }
  if (!is_sound(bytes, one->size, one->sum)) return -2;
  return cache(path, room, name, bytes, one->size, one->sum, environment, reasons) ? -3 : -1;
}

#endif
