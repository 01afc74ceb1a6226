import CZstd

/// zstd frames as restic writes them: a window of 512 KiB, no checksum (the blob's id is one), the content size in the
/// header. Thread-safe; contexts are pooled.
public enum Zstd {
  /// restic's window of 512 KiB, as a power of two.
  private static let windowLog: CInt = 19
  /// How many bytes one byte of a frame can stand for: a block of 128 KiB that repeats one byte takes four.
  /// Source: RFC 8878.
  private static let largestRatio = 32 << 10
  /// How many idle contexts of each kind are kept: one for each core is enough, and one for `max` takes 6.5 MiB.
  private static let pooledContexts = 4

  /// The levels that correspond to those of restic's encoder: "fastest" is about zstd's level 1, "better" about level
  /// 7.
  /// Source: github.com/klauspost/compress, zstd/encoder_options.go.
  private static let fastestCompressors = compressors(level: 1)
  private static let betterCompressors = compressors(level: 7)
  private static let autoCompressors = compressors(level: 3)
  /// restic's "best" corresponds to about zstd's level 11. Measured on source text: level 12 gives 83 % of level 3's
  /// size at 58 MB/s; 13 takes three times as long for half a percent, 19 fifteen times for eight.
  private static let maxCompressors = compressors(level: 12)
  private static let decompressors = ZstdContextPool(
    capacity: pooledContexts, make: { ZSTD_createDCtx() }, free: { ZSTD_freeDCtx($0) })

  private static func compressors(level: CInt) -> ZstdContextPool {
    ZstdContextPool(
      capacity: pooledContexts,
      make: {
        guard let context = ZSTD_createCCtx() else { return nil }
        for (parameter, value) in [
          (ZSTD_c_compressionLevel, level), (ZSTD_c_windowLog, windowLog), (ZSTD_c_checksumFlag, 0),
          (ZSTD_c_contentSizeFlag, 1),
        ] {
          precondition(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0, "zstd parameter refused")
        }
        return context
      },
      free: { ZSTD_freeCCtx($0) })
  }

  /// The most bytes that compressing `byteCount` bytes can give.
  public static func worstCase(of byteCount: Int) -> Int { ZSTD_compressBound(byteCount) }

  /// Writes one frame of `bytes` to `output`, which has room for the worst case, and returns the frame's length. `off`
  /// compresses like `auto`: the caller decides whether to compress at all.
  public static func compress(
    _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, mode: CompressionMode
  ) -> Int {
    let pool =
      switch mode {
      case .fastest: fastestCompressors
      case .auto, .off: autoCompressors
      case .better: betterCompressors
      case .max: maxCompressors
      }
    let result = pool.withContext {
      ZSTD_compress2($0, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
    }
    // There is room for the worst case, so only memory can be missing.
    precondition(ZSTD_isError(result) == 0, "zstd could not compress")
    return result
  }

  /// One frame of `bytes`.
  public static func compress(_ bytes: [UInt8], mode: CompressionMode) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: worstCase(of: bytes.count)) { output, initializedCount in
      initializedCount = bytes.withUnsafeBytes {
        compress($0, into: UnsafeMutableRawBufferPointer(output), mode: mode)
      }
    }
  }

  /// Lends a decompression context.
  static func withDecompressor<Result>(_ body: (OpaquePointer) -> Result) -> Result {
    decompressors.withContext(body)
  }

  /// The content of `bytes`, which must have exactly `expectedByteCount` bytes.
  ///
  /// Uses memory for `expectedByteCount` bytes, whatever the frame claims: the output is the window.
  public static func decompress(
    _ bytes: UnsafeRawBufferPointer, expectedByteCount: Int
  ) throws(CompressionError) -> [UInt8] {
    precondition(expectedByteCount >= 0, "a negative size")
    guard expectedByteCount <= BlobCoder.plaintextByteLimit else {
      throw .tooLarge(limit: BlobCoder.plaintextByteLimit)
    }
    guard expectedByteCount / largestRatio <= bytes.count else { throw .wrongByteCount(expected: expectedByteCount) }
    if let stated = try statedByteCount(of: bytes), stated > expectedByteCount {
      throw .wrongByteCount(expected: expectedByteCount)
    }
    switch attempt(bytes, capacity: expectedByteCount) {
    case .content(let content) where content.count == expectedByteCount: return content
    case .content, .moreThanCapacity: throw .wrongByteCount(expected: expectedByteCount)
    case .failure(let error): throw error
    }
  }

  /// The content of `bytes`, which must have exactly `expectedByteCount` bytes.
  public static func decompress(_ bytes: [UInt8], expectedByteCount: Int) throws(CompressionError) -> [UInt8] {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CompressionError) in
      try decompress(bytes, expectedByteCount: expectedByteCount)
    }
  }

  /// The content of `bytes`, at most `limit` bytes, for content of unknown size.
  ///
  /// Frames without a content size are decoded into a growing buffer. Memory is limited by `limit`.
  public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
    precondition(limit >= 0, "a negative limit")
    var capacity = min(limit, max(4 * bytes.count, 64 << 10))
    if let stated = try statedByteCount(of: bytes) {
      guard stated <= limit else { throw .tooLarge(limit: limit) }
      capacity = stated
    }
    while true {
      switch attempt(bytes, capacity: capacity) {
      case .content(let content): return content
      case .failure(let error): throw error
      case .moreThanCapacity:
        guard capacity < limit else { throw .tooLarge(limit: limit) }
        capacity = min(limit, max(4 * capacity, 64 << 10))
      }
    }
  }

  /// The content of `bytes`, at most `limit` bytes, for content of unknown size.
  public static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(CompressionError) in try decompress(bytes, limit: limit) }
  }

  /// The result of decoding into a buffer of a certain size.
  private enum Attempt {
    case content([UInt8])
    case moreThanCapacity
    case failure(CompressionError)
  }

  private static func attempt(_ bytes: UnsafeRawBufferPointer, capacity: Int) -> Attempt {
    decompressors.withContext { context in
      var result = 0
      let content = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initializedCount in
        result = ZSTD_decompressDCtx(context, buffer.baseAddress, capacity, bytes.baseAddress, bytes.count)
        initializedCount = ZSTD_isError(result) == 0 ? result : 0
      }
      guard ZSTD_isError(result) != 0 else { return .content(content) }
      if ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall { return .moreThanCapacity }
      return .failure(.corrupt(String(cString: ZSTD_getErrorName(result))))
    }
  }

  /// The content size in the first frame's header, nil if the header has none. Throws if there is no frame.
  private static func statedByteCount(of bytes: UnsafeRawBufferPointer) throws(CompressionError) -> Int? {
    // restic's encoder makes no frame of empty content.
    guard bytes.count > 0 else { return 0 }
    // ZSTD_CONTENTSIZE_UNKNOWN and ZSTD_CONTENTSIZE_ERROR, which are macros with a cast.
    switch ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count) {
    case UInt64.max: return nil
    case UInt64.max - 1: throw .corrupt("no zstd frame")
    case let size: return Int(clamping: size)
    }
  }
}
