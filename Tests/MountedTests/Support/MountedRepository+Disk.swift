import Foundation
import ResticTestSupport
import SystemPackage

extension MountedRepository {
  /// Calls `body` with the repository on a disk of its own, a tmpfs of `size` (as in mount(8)). Needs root. Afterwards the
  /// repository is back where it was.
  func withDisk(size: String, _ body: () async throws -> Void) async throws {
    try await run("mount", ["-t", "tmpfs", "-o", "size=\(size),mode=0700", "test-disk", try makeFolder("disk").string])
    // The mount sees the disk where the repository was.
    try await shell(
      "cp -a repository disk/repository; mv repository moved; mkdir repository; mount --bind disk/repository repository",
      in: directory.path)
    do {
      try await body()
    } catch {
      clear()
      throw error
    }
    try await shell(
      "umount repository; rm -rf moved; rmdir repository; cp -a disk/repository repository; umount disk",
      in: directory.path)
  }

  /// Gives the disk another size.
  func resizeDisk(to size: String) async throws {
    try await run("mount", ["-o", "remount,size=\(size)", path("disk").string])
  }

  /// Fills the disk but for `byteCount` bytes.
  func fillDisk(leaving byteCount: Int) async throws {
    try await shell(
      """
      rm -f ballast; free=$(stat -f -c %a .); block=$(stat -f -c %S .)
      head -c $((free * block - \(byteCount))) /dev/zero > ballast || true
      """, in: path("disk"))
  }
}
