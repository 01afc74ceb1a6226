internal import CFuse3
internal import Synchronization

// Files and directories that the kernel opens without a request.
//
// A read-only mount answers ENOSYS to the first OPEN and OPENDIR. The kernel reads that as "no need to ask": for the
// rest of the mount's life it sends neither these two requests nor their RELEASE and RELEASEDIR, keeps its cache of
// files and listings, and sends handle 0. So a file that the kernel knows is opened, read and closed without a request.
//
// A writable mount has to see each OPEN: a commit makes the kernel hand over what was written to open files, and a
// refresh replaces no open file.
// Source: Linux fs/fuse/file.c, fuse_file_open and fuse_file_put.
extension FuseServer {
  /// Decides this once the kernel has announced its features (`capable`, FUSE_CAP_… bits). Linux supports it for files
  /// since 3.16 and for directories since 5.1; an older kernel would return ENOSYS to the program.
  func chooseSilentOpening(capable: UInt32) {
    guard isReadOnly else { return }
    opensFilesSilently.store(capable & UInt32(FUSE_CAP_NO_OPEN_SUPPORT) != 0, ordering: .relaxed)
    opensDirectoriesSilently.store(capable & UInt32(FUSE_CAP_NO_OPENDIR_SUPPORT) != 0, ordering: .relaxed)
  }
}
