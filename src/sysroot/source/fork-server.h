/* What the two sides of a fork server say to each other, over a stream socket in the file system. */
#include <stdint.h>

/* Sent first, with the descriptors of WORKING_FOLDER and below; then the words, each ending with a zero: arguments, environment. */
struct request {
  uint32_t arguments, variables, size, umask;
};

/* The descriptors of a request: those of the program by their own numbers, and its working folder. */
enum { STANDARD = 3, WORKING_FOLDER = STANDARD, DESCRIPTORS };

/* The answer is a status of wait(2), or this: the client is to start the program itself. */
#define REFUSED UINT32_MAX
