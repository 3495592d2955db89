#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { POINTER_BITS = sizeof(void *) * 8 };
