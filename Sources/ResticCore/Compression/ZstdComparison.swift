import CZstd

/// Decompresses a frame piece by piece and compares the content with the original.
///
/// It needs memory for one window, not for the content, so that it works in the processor's cache: checking what was
/// just compressed is nearly free.
struct ZstdComparison: ~Copyable {
  private let context: OpaquePointer
  private let expected: UnsafeRawBufferPointer
  private let output: PooledBytes
  private var position = 0
  private var isAtEnd = false
  private var differs = false

  /// A comparison with `expected`. `expected` and `context`, which is reset, must outlive the comparison.
  fileprivate init(context: OpaquePointer, expected: UnsafeRawBufferPointer) {
    self.context = context
    self.expected = expected
    output = PooledBytes(capacity: ZSTD_DStreamOutSize())
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
  }

  /// Continues with the frame's next bytes.
  mutating func add(_ piece: UnsafeRawBufferPointer) {
    var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
    while !differs, !isAtEnd {
      let produced: Int = output.overwrite { memory in
        var target = ZSTD_outBuffer(dst: memory.baseAddress, size: memory.count, pos: 0)
        let result = ZSTD_decompressStream(context, &target, &input)
        if ZSTD_isError(result) != 0 { differs = true }
        isAtEnd = result == 0
        compare(UnsafeRawBufferPointer(rebasing: memory[..<target.pos]))
        return target.pos
      }
      // If the output was full, there may be more to come.
      if input.pos == input.size && produced < output.capacity { return }
    }
    // Nothing follows a frame.
    if input.pos < input.size { differs = true }
  }

  private mutating func compare(_ bytes: UnsafeRawBufferPointer) {
    let wanted = UnsafeRawBufferPointer(rebasing: expected[position...].prefix(bytes.count))
    if !bytes.isEqual(to: wanted) { differs = true }
    position += wanted.count
  }

  /// Whether the bytes were one whole frame with exactly the expected content.
  var isEqual: Bool { !differs && isAtEnd && position == expected.count }
}

extension Zstd {
  /// Whether the frame that `feed` adds piece by piece has the content `expected`.
  static func holds(_ expected: UnsafeRawBufferPointer, _ feed: (inout ZstdComparison) -> Void) -> Bool {
    withDecompressor { context in
      var comparison = ZstdComparison(context: context, expected: expected)
      feed(&comparison)
      return comparison.isEqual
    }
  }
}
