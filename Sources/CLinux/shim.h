#pragma once
// What Swift's own Glibc module leaves out.
#include <linux/magic.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

// Source: pthread_setattr_default_np(3).
int pthread_setattr_default_np(const pthread_attr_t *attributes);

// Source: pipe(2).
int pipe2(int ends[2], int flags);

// Source: posix_spawn_file_actions_addchdir_np(3).
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);

// Source: tgkill(2).
int tgkill(pid_t process, pid_t thread, int signal);

// prctl(PR_SET_DUMPABLE), whose declaration takes any number of arguments: Swift imports no such function.
static inline int set_dumpable(unsigned long value) { return prctl(PR_SET_DUMPABLE, value, 0, 0, 0); }

// prctl(PR_SET_NAME): the name of the calling thread, at most 15 bytes of it.
static inline int set_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

// pidfd_open(2): a descriptor that can be read from when `process` has ended. Debian 12's header is newer than Ubuntu 22.04's.
static inline int open_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }
