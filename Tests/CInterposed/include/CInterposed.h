/// Functions of glibc and libcrypto that stand in the tests' program before the originals.
///
/// The linker prefers a program's own functions to those of shared libraries, so the code under test calls these. They
/// ask an observer first and then call the original. Without an observer they do nothing else.
#ifndef CINTERPOSED_H
#define CINTERPOSED_H

#include <stdbool.h>
#include <stddef.h>

/// The functions of glibc that are observed.
typedef enum {
  interposed_fsync,
  interposed_link,
  interposed_rename,
} interposed_operation;

/// Returns 0 to let the call pass, or the error number with which the call fails without being made.
///
/// `path` is the file of an `fsync`, or the old name. `target` is the new name, empty for `fsync`. `byte_count` is the
/// size of the file of an `fsync`, -1 for a directory and for everything else.
typedef int (*interposed_call_observer)(
    interposed_operation operation, const char *path, const char *target, long byte_count);

/// Says whether the result of encrypting `count` bytes at `input` is to have a wrong bit.
typedef bool (*interposed_cipher_observer)(const void *input, size_t count);

/// From now on `observer` is asked about each call, on the thread that makes the call. Null asks nobody.
void interposed_observe_calls(interposed_call_observer observer);

/// From now on `observer` is asked before each encryption, on the thread that encrypts. Null asks nobody.
void interposed_observe_cipher(interposed_cipher_observer observer);

#endif
