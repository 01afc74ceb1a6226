/// The beginning of a request as the kernel wrote it: what the loop must know before libfuse decodes the request.
///
/// Layout: `fuse_in_header` (32 bits each: length, opcode; then 32 more bytes), then the operation's own part. The part
/// of a READ or WRITE begins with the handle and the offset (64 bits each) and the byte count (32 bits). Source:
/// linux/fuse.h.
struct FuseRequestHeader {
  /// The header's size, which is the least size of a request.
  static let byteCount = 40
  /// A READ or WRITE of at most this many bytes is brief.
  private static let briefByteCount = 16 << 10

  private let bytes: UnsafeRawBufferPointer

  /// Decodes the header of a request that fills all of `bytes`, which must have at least `byteCount` bytes.
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Whether a file system answers the request at least as fast as another thread could take it over, unless the answer
  /// has to wait (`FuseRequest.wait`).
  var isBrief: Bool {
    switch bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self) {
    // LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK; MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK, OPEN; RELEASE;
    // FLUSH; OPENDIR, READDIR, RELEASEDIR; CREATE; BATCH_FORGET; READDIRPLUS, RENAME2
    case 1...6, 8...14, 18, 25, 27...29, 35, 42, 44...45: true
    // READ, WRITE
    case 15, 16:
      bytes.count >= 60 && bytes.loadUnaligned(fromByteOffset: 56, as: UInt32.self) <= Self.briefByteCount
    default: false
    }
  }
}
