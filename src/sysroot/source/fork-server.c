/*
 * Preloaded into a program that is started thousands of times: instead of its `main` this serves clients (`fork-client.c`), each with
 * a fork of the process as it is before `main`. Half a million relocations of a compiler's libraries and their constructors are
 * done once. A fork has its client's arguments, environment, working folder, umask and standard streams, so that it does what the
 * program would have done; it shares nothing with other forks.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork-server.h"

/* Forks at once; beyond them clients start the program themselves. */
enum { MOST = 512 };

typedef int main_function(int, char **, char **);

extern char **environ;

static main_function *program;
static const char *address;
static struct {
  pid_t pid;
  int client;
} forks[MOST];

static void read_all(int from, char *to, size_t size) {
  while (size > 0) {
    ssize_t count = read(from, to, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(NOT_STARTED);
    to += count;
    size -= (size_t)count;
  }
}

/* Reads words that end with a zero, one after the other, into a list that ends with a null pointer. Returns what follows them. */
static char *split(char *text, uint32_t count, char **words) {
  for (; count > 0; count--, text += strlen(text) + 1) *words++ = text;
  *words = NULL;
  return text;
}

/* In a fork: becomes what the client would have been. */
static void become(int client) {
  struct request request;
  int descriptors[DESCRIPTORS];
  union control control;
  struct iovec part = {&request, sizeof request};
  struct msghdr message = first_message(&part, &control);
  if (recvmsg(client, &message, 0) != (ssize_t)sizeof request) _exit(NOT_STARTED);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_len != CMSG_LEN(sizeof descriptors)) _exit(NOT_STARTED);
  memcpy(descriptors, CMSG_DATA(header), sizeof descriptors);
  char *text = malloc(request.size + 1);
  char **arguments = calloc(request.arguments + 1, sizeof *arguments);
  char **variables = calloc(request.variables + 1, sizeof *variables);
  if (text == NULL || arguments == NULL || variables == NULL) _exit(NOT_STARTED);
  read_all(client, text, request.size);
  split(split(text, request.arguments, arguments), request.variables, variables);
  if (fchdir(descriptors[WORKING_FOLDER]) != 0) _exit(NOT_STARTED);
  close(descriptors[WORKING_FOLDER]);
  close(client);
  for (int number = 0; number < STANDARD; number++) {
    if (dup2(descriptors[number], number) < 0) _exit(NOT_STARTED);
    if (descriptors[number] != number) close(descriptors[number]);
  }
  umask((mode_t)request.umask);
  environ = variables;
  exit(program((int)request.arguments, arguments, variables));
}

static void answer(int client, uint32_t status) {
  /* A client that is gone does not ask. */
  (void)!send(client, &status, sizeof status, MSG_NOSIGNAL);
  close(client);
}

/* Tells clients how their forks ended. */
static void reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (int index = 0; index < MOST; index++)
      if (forks[index].pid == pid) {
        forks[index].pid = 0;
        answer(forks[index].client, (uint32_t)status);
        break;
      }
}

static int serve(int argc, char **argv, char **envp) {
  (void)argc, (void)argv, (void)envp;
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  if (strlen(address) >= sizeof at.sun_path) return NOT_STARTED;
  strcpy(at.sun_path, address);
  sigset_t ended, before;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended, &before);
  int endings = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (endings < 0 || listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
      listen(listener, MOST) != 0)
    return NOT_STARTED;
  for (;;) {
    struct pollfd events[] = {{.fd = listener, .events = POLLIN}, {.fd = endings, .events = POLLIN}};
    if (poll(events, 2, -1) < 0) continue;
    if (events[1].revents != 0) {
      struct signalfd_siginfo information;
      while (read(endings, &information, sizeof information) > 0) continue;
      reap();
    }
    if (events[0].revents == 0) continue;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) continue;
    int index = 0;
    while (index < MOST && forks[index].pid != 0) index++;
    pid_t pid = index < MOST ? fork() : -1;
    if (pid == 0) {
      close(listener);
      close(endings);
      for (int other = 0; other < MOST; other++)
        if (forks[other].pid != 0) close(forks[other].client);
      sigprocmask(SIG_SETMASK, &before, NULL);
      become(client);
    }
    if (pid < 0) {
      answer(client, REFUSED);
      continue;
    }
    forks[index].pid = pid;
    forks[index].client = client;
  }
}

/* What a program's first instructions call (Linux Standard Base, "__libc_start_main"); by then its libraries are ready. */
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end) {
  int (*start)(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
  *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
  address = getenv("FORK_SERVER");
  program = main;
  return start(address == NULL ? main : serve, argc, argv, init, fini, rtld_fini, stack_end);
}
