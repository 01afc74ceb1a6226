import ResticCore

/// What every stored byte goes through, each part alone on one core.
enum StoredByte {
  private static let sampleByteCount = 64 << 20

  /// The speed of each part in MB/s, and that of all of them one after the other.
  static func measure() -> [String: Double] {
    let sample = SecureRandom.bytes(sampleByteCount)
    let chunks = stride(from: 0, to: sampleByteCount, by: 1 << 20).map { Array(sample[$0..<$0 + 1 << 20]) }
    let key = MasterKey.random()
    let chunker = Chunker(polynomial: .random())
    let output = PooledBytes(capacity: Zstd.worstCase(of: 1 << 20))
    var results: [String: Double] = [:]
    results["sha256_mb_s"] = speed { for chunk in chunks { _ = SHA256.id(of: chunk, as: BlobID.self) } }
    results["zstd_mb_s"] = speed {
      for chunk in chunks {
        output.overwrite { output in chunk.withUnsafeBytes { Zstd.compress($0, into: output, mode: .auto) } }
      }
    }
    results["seal_mb_s"] = speed {
      for chunk in chunks {
        output.overwrite { output in
          let sealed = UnsafeMutableRawBufferPointer(rebasing: output[..<(chunk.count + MasterKey.overhead)])
          chunk.withUnsafeBytes { key.seal($0, into: sealed) }
          return sealed.count
        }
      }
    }
    results["chunker_mb_s"] = speed {
      sample.withUnsafeBytes { bytes in
        var start = 0
        while let cut = chunker.firstCut(in: UnsafeRawBufferPointer(rebasing: bytes[start...])) { start += cut }
      }
    }
    // Every stored byte is cut, hashed, compressed, sealed, and hashed again for its pack's name.
    let parts = ["chunker_mb_s", "sha256_mb_s", "zstd_mb_s", "seal_mb_s", "sha256_mb_s"]
    results["one_core_limit_mb_s"] = 1 / parts.compactMap { results[$0] }.reduce(0) { $0 + 1 / $1 }
    return results.mapValues { $0.rounded() }
  }

  /// MB/s of `body`, which goes through the whole sample: the best of three times.
  private static func speed(_ body: () -> Void) -> Double {
    let best = (0..<3).map { _ in ContinuousClock().measure(body) }.min() ?? .zero
    return Double(sampleByteCount) / 1e6 / best.seconds
  }
}

extension Duration {
  /// In seconds.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
