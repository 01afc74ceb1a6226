import ResticTestSupport
import Testing

@testable import ResticCore

// R14 A colleague has the key: sealed bytes are as untrusted as any others.
@Suite("FuzzTests of sealed files")
struct SealedFuzzTests {
  private let files = UnpackedFiles(
    backend: MemoryBackend(), masterKey: .random(), version: 2, compression: .auto)
  private let key = MasterKey.random()

  /// Trees, snapshots, indexes and locks are mutated, compressed or not, mutated again, sealed, and read as the program
  /// does. The last byte of an input decides how.
  @Test func sealed() {
    let samples =
      [RealTrees.single, RealTrees.empty, MalformedInputTests.windowsTree, RealFiles.plainIndex, RealFiles.lock]
      + RealFiles.snapshots
    let failures = FuzzRun(.sealed).failures(of: samples) { input in
      let choice = input.last ?? 0
      var plaintext = choice & 1 == 0 ? input : [2] + Zstd.compress(input, mode: .auto)
      if choice & 6 == 6, !plaintext.isEmpty { plaintext[Int(choice) * 31 % plaintext.count] ^= 1 << (choice >> 5) }
      return choice & 8 == 0 ? readFile(plaintext, choice) : readBlob(plaintext, input)
    }
    #expect(failures == [])
  }

  private func readFile(_ plaintext: [UInt8], _ choice: UInt8) -> FuzzRun.Outcome {
    let type: BackendFileType = choice & 16 == 0 ? .snapshot : choice & 32 == 0 ? .index : .lock
    guard let file = BackendFile(type: type, name: String(repeating: "0", count: 64)) else { return .failed("no name") }
    let bytes: [UInt8]
    do throws(RepositoryError) {
      bytes = try files.open(PooledBytes(copying: files.masterKey.seal(plaintext)), file)
    } catch {
      return .refused
    }
    guard bytes.count <= type.plaintextByteLimit(storedByteCount: plaintext.count + MasterKey.overhead) else {
      return .failed("more than a file of its type can have")
    }
    switch type {
    case .snapshot: return FuzzTests.outcome(of: bytes, Snapshot.decode) { $0.encode() }
    case .index: return FuzzTests.outcome(of: bytes, IndexFile.decode) { $0.encode() }
    default: return FuzzTests.outcome(of: bytes, LockFile.decode) { $0.encode() }
    }
  }

  /// As a tree blob whose index entry says how long it is, and is right, wrong or absurd.
  private func readBlob(_ plaintext: [UInt8], _ original: [UInt8]) -> FuzzRun.Outcome {
    let coder = BlobCoder(masterKey: key, version: 2, compression: .auto, verifiesWrites: false)
    let isCompressed = plaintext.first == 2
    let sealed = key.seal(isCompressed ? Array(plaintext.dropFirst()) : plaintext)
    let lengths: [UInt32] = [UInt32(original.count), UInt32(original.count), .max, 1 << 30, 0]
    let length = isCompressed ? lengths[original.count % lengths.count] : nil
    do {
      let bytes = try sealed.withUnsafeBytes {
        try coder.open($0, uncompressedLength: length, id: SHA256.id(of: original), place: "a pack")
      }
      guard bytes == original else { return .failed("a blob of another content than its id says") }
      return FuzzTests.outcome(of: bytes, Tree.decode) { $0.encode() }
    } catch {
      return .refused
    }
  }
}
