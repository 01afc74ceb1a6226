#pragma once
#define FUSE_USE_VERSION 312
// As fuse3.pc asks for it: the folder of these headers is on the search path.
#include <fuse_lowlevel.h>
// For the threads that serve a mount; Swift's Glibc module lacks both.
#include <sys/epoll.h>
#include <sys/eventfd.h>

/// Calls `fuse_session_new`. From libfuse 3.17 on that name is a macro with arguments, which Swift does not import.
static inline struct fuse_session *fuse_session_create(
    struct fuse_args *arguments, const struct fuse_lowlevel_ops *operations, size_t operations_size, void *user_data) {
  return fuse_session_new(arguments, operations, operations_size, user_data);
}

/// The capability that makes libfuse ask the kernel for FUSE_HANDLE_KILLPRIV_V2; 0 for libfuse before 3.17, which knows none.
/// A function, as Swift would compile a constant's other branch and warn that it is never executed.
static inline uint32_t fuse_capability_handle_killpriv_v2(void) {
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
  return FUSE_CAP_HANDLE_KILLPRIV_V2;
#else
  return 0;
#endif
}
