#pragma once
// What Swift's own Glibc module leaves out.
#include <sys/xattr.h>
