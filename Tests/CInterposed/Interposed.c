#define _GNU_SOURCE
#include "CInterposed.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic(interposed_call_observer) call_observer;
static _Atomic(interposed_cipher_observer) cipher_observer;

void interposed_observe_calls(interposed_call_observer observer) { atomic_store(&call_observer, observer); }

void interposed_observe_cipher(interposed_cipher_observer observer) { atomic_store(&cipher_observer, observer); }

/// Asks the observer. Returns 0, or -1 with `errno` set if the call is to fail.
static int announce(interposed_operation operation, const char *path, const char *target, long byte_count) {
  interposed_call_observer observer = atomic_load(&call_observer);
  if (observer == NULL) return 0;
  int saved = errno;
  int error = observer(operation, path, target, byte_count);
  errno = error != 0 ? error : saved;
  return error != 0 ? -1 : 0;
}

int fsync(int descriptor) {
  if (atomic_load(&call_observer) != NULL) {
    char link[64], path[PATH_MAX];
    struct stat attributes;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count > 0 && fstat(descriptor, &attributes) == 0) {
      path[count] = 0;
      long byte_count = S_ISDIR(attributes.st_mode) ? -1 : (long)attributes.st_size;
      if (announce(interposed_fsync, path, "", byte_count) != 0) return -1;
    }
  }
  return (int)syscall(SYS_fsync, descriptor);
}

int link(const char *path, const char *target) {
  if (announce(interposed_link, path, target, -1) != 0) return -1;
  return (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, target, 0);
}

int rename(const char *path, const char *target) {
  if (announce(interposed_rename, path, target, -1) != 0) return -1;
  return (int)syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, target, 0);
}

typedef int (*cipher_update)(void *, unsigned char *, int *, const unsigned char *, int);

/// Libcrypto's own function.
static cipher_update original_update(void) {
  static _Atomic(cipher_update) original;
  cipher_update update = atomic_load(&original);
  if (update == NULL) {
    update = (cipher_update)dlsym(RTLD_NEXT, "EVP_EncryptUpdate");
    if (update == NULL) abort();
    atomic_store(&original, update);
  }
  return update;
}

int EVP_EncryptUpdate(
    void *context, unsigned char *output, int *output_count, const unsigned char *input, int input_count) {
  interposed_cipher_observer observer = atomic_load(&cipher_observer);
  // Asked first: the output may take the place of the input.
  bool is_wrong = observer != NULL && input_count > 0 && observer(input, (size_t)input_count);
  int result = original_update()(context, output, output_count, input, input_count);
  if (is_wrong && result == 1 && *output_count > 0) output[*output_count - 1] ^= 1;
  return result;
}
