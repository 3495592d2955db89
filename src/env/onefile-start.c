/*
 * Linked into every program whose Python is a library, for `--format onefile`, and begun by the kernel in such a file alone: it
 * has no interpreter there that the kernel would start (PT_INTERP). This gives the libraries that the program names paths (`place`),
 * puts these paths into its list of libraries (DT_NEEDED), maps the interpreter, the C library's loader, as the kernel would have
 * done, and begins that. Nothing is linked yet: no library is called, and no address is in memory that the loader has to write.
 */
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <stdio.h>

#include "onefile-place.h"

#ifdef STARTS_HERE

/* Before the first instruction: a text that is searched for, and what is written by what makes the file. */
struct blob {
  unsigned char magic[16];
  /* From here to the header, in memory, and this as it was linked. */
  uint64_t distance, address;
};

#define BLOB                                                                                 \
  ".text\n.balign 16\n.hidden onefile_blob\n.globl onefile_blob\nonefile_blob:\n"                \
  ".byte 0x6f,0x6e,0x65,0x62,0x65,0x67,0x69,0x6e,0x91,0x0d,0xe4,0x3c,0x77,0xb8,0x52,0xca\n"    \
  ".balign 8\n.zero 16\n.hidden onefile_entry\n.globl onefile_entry\nonefile_entry:\n"

#if defined(__x86_64__)
__asm__(BLOB "mov %rsp,%rdi\nlea onefile_blob(%rip),%rsi\ncall onefile_begin\nxor %edx,%edx\njmp *%rax\n");
#elif defined(__aarch64__)
__asm__(BLOB "mov x0,sp\nadr x1,onefile_blob\nbl onefile_begin\nmov x16,x0\nmov x0,#0\nbr x16\n");
#elif defined(__arm__)
__asm__(".arm\n" BLOB "mov r0,sp\nadr r1,onefile_blob\nbl onefile_begin\nmov r3,r0\nmov r0,#0\nbx r3\n");
#elif defined(__powerpc64__)
/* The kernel has the address of what it begins in r12 (OpenPOWER ELF V2 ABI). */
__asm__(BLOB "addis 2,12,.TOC.-onefile_entry@ha\naddi 2,2,.TOC.-onefile_entry@l\nmr 3,1\naddi 4,12,-32\nli 0,0\nstdu 0,-128(1)\n"
             "bl onefile_begin\nnop\naddi 1,1,128\nmr 12,3\nmtctr 12\nli 3,0\nbctr\n");
#elif defined(__s390x__)
__asm__(BLOB "lgr %r2,%r15\nlarl %r3,onefile_blob\naghi %r15,-160\nxc 0(8,%r15),0(%r15)\nbrasl %r14,onefile_begin\n"
             "aghi %r15,160\nlgr %r1,%r2\nlghi %r2,0\nbr %r1\n");
#elif defined(__riscv)
__asm__(BLOB "mv a0,sp\nlla a1,onefile_blob\ncall onefile_begin\nmv t1,a0\nli a0,0\njr t1\n");
#endif

FREE static void *zeroed(size_t size) {
  return map_pages(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((noreturn)) FREE static void not_started(const char *program, const char *why, const char *what, long error) {
  char number[24];
  number[0] = 0;
  append_number(number, sizeof number, (uint64_t)-error, 10);
  say(program);
  say(": this program cannot be started.\n  why: ");
  say(why);
  say(what);
  say(" (error ");
  say(number);
  say(").\n  fix: start it on a system that has the C library it is built for, or ship the bundle.\n");
  end_with(127);
}

/* Whether memory is there: the kernel is asked to read it, since a mapping whose file has ended would end the process. */
FREE static int is_there(const unsigned char *byte) {
  int ends[2];
  long done;
  if (ASK(SYS_pipe2, ends, O_CLOEXEC, 0, 0)) return 1;
  done = ASK(SYS_write, ends[1], byte, 1, 0);
  ASK(SYS_close, ends[0], 0, 0, 0);
  ASK(SYS_close, ends[1], 0, 0, 0);
  return done == 1;
}

struct loader {
  unsigned long base, entry;
};

#define MAY(flags) ((flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0))

/* Its segments, as the kernel maps them (elf(5)). */
FREE static void map_loader(const char *program, const char *path, unsigned long page, struct loader *to) {
  const file_header *head;
  const program_header *one;
  unsigned long first = ~0ul, end = 0, from, until, filled, i;
  long file = ASK(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  unsigned char *base;
  if (file < 0) not_started(program, "this system does not have the loader of its C library, ", path, file);
  head = map_pages(0, page, PROT_READ, MAP_PRIVATE, (int)file, 0);
  if (!IS_MAPPED(head)) not_started(program, "the loader of the C library cannot be mapped, ", path, (long)head);
  one = (const program_header *)((const char *)head + head->e_phoff);
  if (head->e_ident[0] != 0x7f || head->e_type != ET_DYN || head->e_phoff + head->e_phnum * sizeof *one > page)
    not_started(program, "this is no loader of a C library: ", path, -ENOEXEC);
  for (i = 0; i < head->e_phnum; i++) {
    if (one[i].p_type != PT_LOAD) continue;
    from = one[i].p_vaddr & -page;
    until = one[i].p_vaddr + one[i].p_memsz;
    first = from < first ? from : first;
    end = until > end ? until : end;
  }
  base = map_pages(0, end - first, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!IS_MAPPED(base)) not_started(program, "there is no memory for ", path, (long)base);
  base -= first;
  for (i = 0; i < head->e_phnum; i++) {
    int may = MAY(one[i].p_flags);
    if (one[i].p_type != PT_LOAD) continue;
    from = one[i].p_vaddr & -page;
    filled = one[i].p_vaddr + one[i].p_filesz;
    until = one[i].p_vaddr + one[i].p_memsz;
    if (one[i].p_filesz && !IS_MAPPED(map_pages(base + from, filled - from, may, MAP_PRIVATE | MAP_FIXED, (int)file,
                                                one[i].p_offset & -page)))
      not_started(program, "the loader of the C library cannot be mapped, ", path, -EACCES);
    if (until <= filled) continue;
    /* Zeros: the rest of the last page, and further ones. */
    from = one[i].p_filesz ? (filled + page - 1) & -page : from;
    if (until > from) map_pages(base + from, until - from, may, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    if (may & PROT_WRITE && one[i].p_filesz)
      for (; filled < from; filled++) ((volatile unsigned char *)base)[filled] = 0;
  }
  to->base = (unsigned long)base;
  to->entry = (unsigned long)base + head->e_entry;
  ASK(SYS_munmap, head, page, 0, 0);
  ASK(SYS_close, file, 0, 0, 0);
}

struct process {
  const char *program;
  char *const *environment;
  unsigned long *vector;
};

/* The value of the auxiliary vector that has this name. */
FREE static unsigned long *auxiliary(unsigned long *vector, unsigned long name) {
  for (; *vector; vector += 2)
    if (*vector == name) return vector + 1;
  return 0;
}

FREE static void find_process(unsigned long *stack, struct process *to) {
  unsigned long *at = stack + 1 + *stack + 1, *name;
  to->environment = (char *const *)at;
  while (*at) at++;
  to->vector = at + 1;
  name = auxiliary(to->vector, AT_EXECFN);
  to->program = name ? (const char *)*name : *stack ? (const char *)stack[1] : "?";
}

/* Whether the executable can be opened, and this library be mapped from it. */
FREE static int is_itself(int self, const struct header *header, const struct entry *one) {
  const unsigned char *image = (const unsigned char *)header - header->program, *at;
  size_t i;
  at = map_pages(0, 64, PROT_READ | PROT_EXEC, MAP_PRIVATE, self, one->data);
  if (!IS_MAPPED(at)) return 0;
  for (i = 0; i < 64 && at[i] == image[one->data + i]; i++) continue;
  ASK(SYS_munmap, at, 64, 0, 0);
  return i == 64;
}

/* Paths for all libraries that are loaded at once. */
FREE static void place_all(const struct process *process, const struct begin *begin, struct started *to) {
  const struct header *header = to->header;
  const unsigned char *image = (const unsigned char *)header - header->program;
  const struct entry *entries = (const struct entry *)((const uint32_t *)(image + header->table) + header->buckets);
  unsigned long *secure = auxiliary(process->vector, AT_SECURE);
  char *const *environment = secure && *secure ? 0 : process->environment;
  struct reasons *reasons = zeroed(sizeof *reasons);
  char *path = to->texts;
  uint32_t i;
  to->self = (int)ASK(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
  for (i = 0; i < begin->count; i++) {
    const struct loaded *parts = begin->loaded + i;
    const struct entry *one = entries + parts->entry;
    const char *name = (const char *)image + one->path;
    size_t at = length_of(name), room = (size_t)(to->texts + sizeof to->texts - path);
    int file;
    while (at && name[at - 1] != '/') at--;
    if (parts->until && (to->self < 0 || !is_itself(to->self, header, one))) parts = 0;
    file = place(path, room, name + at, image + one->data, one, parts, 0, environment, reasons);
    if (file == -2) damaged(process->program, "the library ", name, CHANGED);
    if (file == -3) no_place(process->program, name, reasons);
    to->placed[i].path = path;
    to->placed[i].entry = begin->loaded[i].entry;
    to->placed[i].from = parts && file >= 0 ? parts->from : 0;
    to->placed[i].until = parts && file >= 0 ? parts->until : 0;
    to->placed[i].file = file;
    to->count = i + 1;
    path += length_of(path) + 1;
  }
  ASK(SYS_munmap, reasons, sizeof *reasons, 0, 0);
}

/* The headers with the interpreter in them again, and the list of libraries with the paths at its beginning. */
FREE static void describe(const struct begin *begin, unsigned long bias, const program_header *headers, unsigned long count,
                     struct started *to) {
  const dynamic_tag *tag = (const dynamic_tag *)(bias + (unsigned long)begin->dynamic);
  unsigned long i, end = 0;
  for (i = 0; i < to->count; i++) {
    to->dynamic[end].d_tag = DT_NEEDED;
    to->dynamic[end++].d_un.d_val = (unsigned long)to->placed[i].path - bias - (unsigned long)begin->strings;
  }
  for (; end + 1 < sizeof to->dynamic / sizeof *to->dynamic && tag->d_tag != DT_NULL; tag++) {
    to->dynamic[end].d_tag = tag->d_tag;
    to->dynamic[end++].d_un.d_val = tag->d_un.d_val;
  }
  for (i = 0; i < count; i++) {
    const unsigned char *from = (const unsigned char *)(headers + i);
    unsigned char *into = (unsigned char *)(to->headers + i);
    size_t byte;
    for (byte = 0; byte < sizeof *headers; byte++) into[byte] = from[byte];
    if (i == begin->hidden) to->headers[i].p_type = PT_INTERP;
    if (to->headers[i].p_type == PT_PHDR) to->headers[i].p_vaddr = (unsigned long)to->headers - bias;
    if (to->headers[i].p_type == PT_DYNAMIC) to->headers[i].p_vaddr = (unsigned long)to->dynamic - bias;
  }
}

/* Gives what is to be begun, with the stack as it is. */
__attribute__((visibility("hidden"), used)) unsigned long onefile_begin(unsigned long *stack, const struct blob *blob) {
  const struct header *header = (const struct header *)((unsigned long)blob + (unsigned long)blob->distance);
  unsigned long bias = (unsigned long)blob - (unsigned long)blob->address, *value;
  const program_header *headers;
  const struct begin *begin;
  struct process process;
  struct started *to;
  struct loader loader;
  unsigned long count, i, page;
  const unsigned char *image;
  find_process(stack, &process);
  headers = (const program_header *)*auxiliary(process.vector, AT_PHDR);
  count = *auxiliary(process.vector, AT_PHNUM);
  page = *auxiliary(process.vector, AT_PAGESZ);
  for (i = 0; i < count; i++)
    if (headers[i].p_type == PT_LOAD && headers[i].p_vaddr <= (unsigned long)header - bias &&
        !is_there((const unsigned char *)(bias + headers[i].p_vaddr + headers[i].p_filesz - 1)))
      damaged(process.program, CUT_OFF, "", "");
  if (!is_there((const unsigned char *)header)) damaged(process.program, CUT_OFF, "", "");
  if (!is_sound(header, offsetof(struct header, sum), header->sum))
    damaged(process.program, "the description of its content", "", CHANGED);
  image = (const unsigned char *)header - header->program;
  if (!is_sound(image + header->names, header->table + header->table_size - header->names, header->table_sum))
    damaged(process.program, "the list of its files", "", CHANGED);
  if (!is_sound((const unsigned char *)header - header->origin, header->head, header->head_sum))
    damaged(process.program, "the beginning of the program", "", CHANGED);
  begin = (const struct begin *)(image + header->begin);
  to = zeroed(sizeof *to);
  if (!IS_MAPPED(to) || count > HEADERS_MOST) not_started(process.program, "there is no memory for it", "", -ENOMEM);
  to->header = header;
  place_all(&process, begin, to);
  describe(begin, bias, headers, count, to);
  map_loader(process.program, (const char *)(bias + (unsigned long)begin->interpreter), page, &loader);
  *auxiliary(process.vector, AT_PHDR) = (unsigned long)to->headers;
  *auxiliary(process.vector, AT_ENTRY) = bias + (unsigned long)begin->entry;
  if ((value = auxiliary(process.vector, AT_BASE))) *value = loader.base;
  return loader.entry;
}

#endif
