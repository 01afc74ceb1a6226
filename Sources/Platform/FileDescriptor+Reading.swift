public import SystemPackage

extension FileDescriptor {
  /// Closes the descriptor and ignores errors: for pipes, and for files that were only read.
  public func closeQuietly() {
    // For callers that have nothing to lose (see above).
    try? close()
  }

  /// Everything up to the end. A read error counts as the end.
  public func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    readAll { bytes += $0 }
    return bytes
  }

  /// Calls `body` with everything up to the end, piece by piece. A read error counts as the end.
  public func readAll(_ body: (ArraySlice<UInt8>) -> Void) {
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      // An error ends a pipe like its end does; callers that read files this way accept an incomplete result.
      let count = (try? chunk.withUnsafeMutableBytes { try read(into: $0) }) ?? 0
      guard count > 0 else { return }
      body(chunk[..<count])
    }
  }
}
