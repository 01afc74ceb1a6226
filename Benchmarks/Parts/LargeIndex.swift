import Glibc
import ResticCore
import SystemPackage

/// Opening a repository of a million blobs: index files such as restic writes, without the packs that they name.
enum LargeIndex {
  private static let blobCount = 1_000_000
  private static let blobsPerFile = 50_000
  private static let blobsPerPack = 500

  /// Seconds, CPU seconds and resident bytes a blob of loading the index of a new repository in `directory`.
  static func measure(in directory: String) async throws -> [String: Double] {
    let backend = LocalBackend(path: FilePath(directory))
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    let made = try await Repository.create(on: backend, password: password(), settings: settings)
    for _ in 0..<blobCount / blobsPerFile { _ = try await made.save(indexFile()) }

    let repository = try await Repository.open(on: backend, password: password())
    let before = (residentByteCount(), processorSeconds())
    let time = try await ContinuousClock().measure { try await repository.loadIndex() }
    return [
      "blobs": Double(blobCount), "index_seconds": time.seconds,
      "index_cpu_seconds": processorSeconds() - before.1,
      "index_resident_bytes_per_blob": Double(residentByteCount() - before.0) / Double(blobCount),
    ]
  }

  private static func password() -> SecureBytes {
    var bytes = Array("benchmark".utf8)
    return SecureBytes(wiping: &bytes)
  }

  /// An index file of packs of compressed data blobs with random ids.
  private static func indexFile() -> IndexFile {
    IndexFile(
      packs: (0..<blobsPerFile / blobsPerPack).map { _ in
        let blobs = (0..<blobsPerPack).map { number in
          PackBlob(
            id: randomID(), type: .data, offset: UInt32(number) * 30_000, length: 30_000, uncompressedLength: 60_000)
        }
        return IndexFile.Pack(id: randomID(), blobs: blobs)
      })
  }

  private static func randomID<Kind>() -> ID<Kind> {
    SecureRandom.bytes(ID<Kind>.byteCount).withUnsafeBytes { ID(bytes: $0) }
  }

  /// Bytes of this process that are in memory.
  private static func residentByteCount() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 100)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
      separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
  }

  private static func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }
}
