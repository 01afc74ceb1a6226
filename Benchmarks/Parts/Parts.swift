import FoundationEssentials
import ResticCore

/// `benchmark-parts`: how fast the parts are that every stored byte goes through, on one core, as JSON in MB/s.
@main
enum Parts {
  private static let sampleByteCount = 64 << 20

  static func main() throws {
    let sample = SecureRandom.bytes(sampleByteCount)
    let chunks = stride(from: 0, to: sampleByteCount, by: 1 << 20).map { Array(sample[$0..<$0 + 1 << 20]) }
    let key = MasterKey.random()
    let chunker = Chunker(polynomial: .random())
    var results: [String: Double] = [:]
    results["sha256_mb_s"] = speed { for chunk in chunks { _ = SHA256.id(of: chunk, as: BlobID.self) } }
    results["zstd_mb_s"] = speed { for chunk in chunks { _ = Zstd.compress(chunk, mode: .auto) } }
    results["seal_mb_s"] = speed { for chunk in chunks { _ = key.seal(chunk) } }
    results["chunker_mb_s"] = speed {
      sample.withUnsafeBytes { bytes in
        var start = 0
        while let cut = chunker.firstCut(in: UnsafeRawBufferPointer(rebasing: bytes[start...])) { start += cut }
      }
    }
    // Every stored byte is cut, hashed, compressed, sealed, and hashed again for its pack's name.
    let parts = ["chunker_mb_s", "sha256_mb_s", "zstd_mb_s", "seal_mb_s", "sha256_mb_s"]
    results["one_core_limit_mb_s"] = 1 / parts.compactMap { results[$0] }.reduce(0) { $0 + 1 / $1 }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    print(String(decoding: try encoder.encode(results.mapValues { $0.rounded() }), as: UTF8.self))
  }

  /// MB/s of `body`, which goes through the whole sample: the best of three times.
  private static func speed(_ body: () -> Void) -> Double {
    let best = (0..<3).map { _ in ContinuousClock().measure(body) }.min() ?? .zero
    let seconds = Double(best.components.seconds) + Double(best.components.attoseconds) / 1e18
    return Double(sampleByteCount) / 1e6 / seconds
  }
}
