#pragma once
// What Swift's own Glibc module leaves out.
#include <linux/magic.h>
#include <malloc.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/xattr.h>

// Source: tgkill(2).
int tgkill(pid_t process, pid_t thread, int signal);
