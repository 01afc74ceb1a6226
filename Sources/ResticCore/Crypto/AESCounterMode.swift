import COpenSSL

/// AES-256 in counter mode with a 128-bit big-endian counter; sealing and opening are the same operation.
enum AESCounterMode {
  /// The most bytes for one call of libcrypto, whose lengths are 32-bit.
  private static let pieceByteCount = 1 << 30

  /// Writes `input` XOR key stream to `output`, which has as many bytes and may be the same memory.
  /// `key` holds 32 bytes, `iv` 16: the first counter.
  static func apply(
    key: UnsafeRawPointer, iv: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer
  ) {
    withContext(key: key, iv: iv) { context in
      var offset = 0
      while offset < input.count {
        let piece = UnsafeRawBufferPointer(rebasing: input[offset..<min(offset + pieceByteCount, input.count)])
        apply(context, piece, output + offset)
        offset += piece.count
      }
    }
  }

  /// Lends `input` XOR key stream to `body`, in consecutive pieces of at most `pieceByteCount` bytes.
  ///
  /// The pieces lie in memory of malloc's own alignment, 16. For a larger one Swift calls `aligned_alloc`, and glibc 2.36 does not
  /// lend that memory again when it is freed: the heap grew by a piece for each blob.
  static func apply(
    key: UnsafeRawPointer, iv: UnsafeRawPointer, input: UnsafeRawBufferPointer, inPiecesOf pieceByteCount: Int,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    withContext(key: key, iv: iv) { context in
      withUnsafeTemporaryAllocation(byteCount: min(pieceByteCount, input.count), alignment: 16) { scratch in
        guard let output = scratch.baseAddress else { return }
        var offset = 0
        while offset < input.count {
          let piece = UnsafeRawBufferPointer(rebasing: input[offset..<min(offset + pieceByteCount, input.count)])
          apply(context, piece, output)
          body(UnsafeRawBufferPointer(start: output, count: piece.count))
          offset += piece.count
        }
      }
    }
  }

  private static func withContext(key: UnsafeRawPointer, iv: UnsafeRawPointer, _ body: (OpaquePointer) -> Void) {
    let context = LibCrypto.required(EVP_CIPHER_CTX_new(), "cipher context")
    defer { EVP_CIPHER_CTX_free(context) }
    LibCrypto.check(
      EVP_EncryptInit_ex2(
        context, LibCrypto.aes256CTR, key.assumingMemoryBound(to: UInt8.self), iv.assumingMemoryBound(to: UInt8.self),
        nil),
      "EVP_EncryptInit_ex2")
    body(context)
  }

  /// Continues with `piece`, which is not empty.
  private static func apply(
    _ context: OpaquePointer, _ piece: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer
  ) {
    guard let source = piece.baseAddress else { return }
    var written: CInt = 0
    LibCrypto.check(
      EVP_EncryptUpdate(
        context, output.assumingMemoryBound(to: UInt8.self), &written, source.assumingMemoryBound(to: UInt8.self),
        CInt(piece.count)),
      "EVP_EncryptUpdate")
    precondition(Int(written) == piece.count, "counter mode keeps lengths")
  }
}
