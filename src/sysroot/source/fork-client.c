/*
 * Stands for a program (`PROGRAM`) that a fork server (`fork-server.c`) at `ADDRESS` has begun: has a fork of it do the work and
 * ends as that does. Where no server answers it starts the program itself.
 *
 * It is also the interpreter of files that begin with `#!<client> @` and stand for the program with arguments before those that they
 * are called with. Lines: that; what `--print-multiarch` alone is answered with, which compilers answer each in their own way
 * and CPython's configure asks for the platform's name; then the arguments, one in each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork-server.h"

extern char **environ;

static int start_itself(char **argv) {
  execv(PROGRAM, argv);
  perror(PROGRAM);
  return NOT_STARTED;
}

static uint32_t measure(char **words, uint32_t *size) {
  uint32_t count = 0;
  for (; words[count] != NULL; count++) *size += (uint32_t)strlen(words[count]) + 1;
  return count;
}

static char *join(char **words, char *to) {
  for (; *words != NULL; words++) to = stpcpy(to, *words) + 1;
  return to;
}

static char *contents(const char *file) {
  int opened = open(file, O_RDONLY | O_CLOEXEC);
  struct stat is;
  if (opened < 0 || fstat(opened, &is) != 0) return NULL;
  char *text = malloc((size_t)is.st_size + 1);
  if (text == NULL || read(opened, text, (size_t)is.st_size) != is.st_size) return NULL;
  text[is.st_size] = 0;
  close(opened);
  return text;
}

/* The whole command of a file that this is the interpreter of; NULL where it answers by itself. `argv`: client, @, file, arguments. */
static char **whole_command(int argc, char **argv) {
  char *text = contents(argv[2]);
  if (text == NULL) {
    perror(argv[2]);
    exit(NOT_STARTED);
  }
  strsep(&text, "\n");
  const char *multiarch = strsep(&text, "\n");
  if (argc == 4 && strcmp(argv[3], "--print-multiarch") == 0) {
    puts(multiarch);
    return NULL;
  }
  size_t lines = 0;
  for (const char *at = text; at != NULL && *at != 0; at++) lines += *at == '\n';
  char **words = calloc(lines + (size_t)argc, sizeof *words);
  if (words == NULL) {
    perror(argv[0]);
    exit(NOT_STARTED);
  }
  char **next = words + 1;
  for (; lines > 0; lines--) *next++ = strsep(&text, "\n");
  memcpy(next, argv + 3, ((size_t)argc - 3) * sizeof *words);
  return words;
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "@") == 0 && (argv = whole_command(argc, argv)) == NULL) return 0;
  argv[0] = PROGRAM;
  /* One that is closed cannot be sent, and its number would be the socket's. */
  for (int number = 0; number < STANDARD; number++)
    if (fcntl(number, F_GETFD) < 0) return start_itself(argv);
  struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = ADDRESS};
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (server < 0 || folder < 0 || connect(server, (struct sockaddr *)&at, sizeof at) != 0) return start_itself(argv);
  mode_t mask = umask(0);
  umask(mask);
  struct request request = {.umask = mask};
  request.arguments = measure(argv, &request.size);
  request.variables = measure(environ, &request.size);
  char *text = malloc(request.size);
  if (text == NULL) return start_itself(argv);
  join(environ, join(argv, text));
  int descriptors[DESCRIPTORS] = {0, 1, 2, folder};
  union control control;
  struct iovec part = {&request, sizeof request};
  struct msghdr message = first_message(&part, &control);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof descriptors)};
  memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  if (sendmsg(server, &message, MSG_NOSIGNAL) != (ssize_t)sizeof request) return start_itself(argv);
  /* One that refuses reads nothing: its answer says so. */
  for (uint32_t sent = 0; sent < request.size;) {
    ssize_t count = send(server, text + sent, request.size - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    sent += (uint32_t)count;
  }
  uint32_t status;
  ssize_t count;
  while ((count = recv(server, &status, sizeof status, MSG_WAITALL)) < 0 && errno == EINTR) continue;
  if (count != (ssize_t)sizeof status) {
    fprintf(stderr, "%s: its fork server ended before it did\n", PROGRAM);
    return NOT_STARTED;
  }
  if (status == REFUSED) return start_itself(argv);
  int ending = (int)status;
  if (WIFEXITED(ending)) return WEXITSTATUS(ending);
  signal(WTERMSIG(ending), SIG_DFL);
  raise(WTERMSIG(ending));
  return NOT_STARTED;
}
