import SystemPackage

/// Writes `bytes` to a new file at `path`.
func write(_ bytes: [UInt8], to path: FilePath) throws {
  let descriptor = try FileDescriptor.open(
    path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
  try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
}
