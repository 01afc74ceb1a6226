#pragma once
// What Swift's own Glibc module leaves out.
#include <malloc.h>
#include <sys/xattr.h>
