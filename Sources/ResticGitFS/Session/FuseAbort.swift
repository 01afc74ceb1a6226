import Platform
import SystemPackage

/// Cuts the kernel's connection to a process that serves a FUSE mount: every request that waits for it fails at once.
///
/// Source: Linux Documentation/filesystems/fuse.rst, "Control filesystem": the file belongs to the mounting user.
enum FuseAbort {
  /// Aborts the connection of the file system on `device` (`MAJOR:MINOR`), if the control file system is mounted.
  static func abort(device: String) {
    guard let minor = device.split(separator: ":").last.flatMap({ UInt32($0) }) else { return }
    // Without it the connection ends with the process.
    guard
      let file = try? FileDescriptor.open("/sys/fs/fuse/connections/\(minor)/abort", .writeOnly, options: .closeOnExec)
    else { return }
    // If the kernel refuses the connection ends with the process, as it does without the file.
    _ = try? file.writeAll([UInt8(ascii: "1")])
    file.closeQuietly()
  }
}
