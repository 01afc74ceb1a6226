#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
// For the threads that serve a mount; Swift's Glibc module lacks both.
#include <sys/epoll.h>
#include <sys/eventfd.h>
