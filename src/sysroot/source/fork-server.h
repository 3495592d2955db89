/* What the two sides of a fork server say to each other, over a stream socket in the file system. */
#include <stdint.h>
#include <sys/socket.h>

/* Sent first, with the descriptors of WORKING_FOLDER and below; then the words, each ending with a zero: arguments, environment. */
struct request {
  uint32_t arguments, variables, size, umask;
};

/* The descriptors of a request: those of the program by their own numbers, and its working folder. */
enum { STANDARD = 3, WORKING_FOLDER = STANDARD, DESCRIPTORS };

/* The answer is a status of wait(2), or this: the client is to start the program itself. */
#define REFUSED UINT32_MAX

/* Status of what cannot begin (POSIX, "Exit Status for Commands"). */
enum { NOT_STARTED = 127 };

/* Room for the descriptors beside a request (cmsg(3)). */
union control {
  char bytes[CMSG_SPACE(sizeof(int[DESCRIPTORS]))];
  struct cmsghdr alignment;
};

/* The first message: `part` is the request. */
static inline struct msghdr first_message(struct iovec *part, union control *control) {
  return (struct msghdr){
      .msg_iov = part, .msg_iovlen = 1, .msg_control = control->bytes, .msg_controllen = sizeof control->bytes};
}
