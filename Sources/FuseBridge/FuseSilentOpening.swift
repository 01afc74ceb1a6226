internal import CFuse3
internal import Synchronization

// Files and directories that the kernel opens without a word.
//
// To the first OPEN and OPENDIR of a read-only mount the answer is ENOSYS. The kernel takes it for "no need to ask": from then
// on it sends neither these two nor their RELEASE and RELEASEDIR, for as long as the mount lives, keeps what it has cached of
// files and of listings, and sends handle 0. So a file that it knows is opened, read and closed without a request.
//
// A mount that can be changed has to hear of each OPEN: a commit has the kernel hand on what was written to open files, and a
// refresh replaces none of those. Source: Linux fs/fuse/file.c, fuse_file_open and fuse_file_put.
extension FuseServer {
  /// Decides it, once the kernel has said what it knows (`capable`, FUSE_CAP_… bits). Linux 3.16 has learnt it for files, 5.1 for directories;
  /// an earlier one would hand ENOSYS to the program.
  func chooseSilentOpening(capable: UInt32) {
    guard isReadOnly else { return }
    opensFilesSilently.store(capable & UInt32(FUSE_CAP_NO_OPEN_SUPPORT) != 0, ordering: .relaxed)
    opensDirectoriesSilently.store(capable & UInt32(FUSE_CAP_NO_OPENDIR_SUPPORT) != 0, ordering: .relaxed)
  }
}
