import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Files that are sealed as a whole")
struct UnpackedFilesTests {
  private static let json = Array(
    #"{"some":"json, long enough that compressing it pays: aaaaaaaaaaaaaaaaaaaaaaaaaa"}"#.utf8)

  private static func files(
    _ backend: MemoryBackend, version: Int, compression: CompressionMode = .auto, key: MasterKey = .random()
  ) -> UnpackedFiles {
    UnpackedFiles(backend: backend, masterKey: key, version: version, compression: compression)
  }

  @Test("version 1 stores plain JSON, version 2 a mark and a zstd frame, whatever compression is chosen for blobs")
  func layout() async throws {
    for mode in CompressionMode.allCases {
      let backend = MemoryBackend(files: [:])
      let key = MasterKey.random()
      let old = Self.files(backend, version: 1, compression: mode, key: key)
      let new = Self.files(backend, version: 2, compression: mode, key: key)
      let oldID = try await old.save(Self.json, as: BackendFile.index)
      let newID = try await new.save(Self.json, as: BackendFile.index)
      #expect(try key.open(try #require(backend[.index(oldID)])) == Self.json)
      let plaintext = try key.open(try #require(backend[.index(newID)]))
      #expect(plaintext.first == 2)
      #expect(try Zstd.decompress(Array(plaintext.dropFirst()), limit: 1000) == Self.json)
      #expect(try await new.load(.index(newID)) == Self.json)
      #expect(try await new.load(.index(oldID)) == Self.json, "plain JSON is read in version 2 too")
    }
  }

  @Test("version 2 refuses a file that is neither JSON nor marked as compressed")
  func otherMarks() async throws {
    let backend = MemoryBackend(files: [:])
    let files = Self.files(backend, version: 2)
    for first in UInt8.min...UInt8.max where ![UInt8(ascii: "{"), UInt8(ascii: "["), 2].contains(first) {
      let stored = files.masterKey.seal([first] + Self.json)
      let file = BackendFile.index(SHA256.id(of: stored))
      backend[file] = stored
      await #expect(throws: RepositoryError.self) { try await files.load(file) }
    }
    let empty = files.masterKey.seal([UInt8]())
    backend[.index(SHA256.id(of: empty))] = empty
    #expect(try await files.load(.index(SHA256.id(of: empty))) == [], "as restic does; no decoder takes it")
    let truncated = files.masterKey.seal([2])
    backend[.index(SHA256.id(of: truncated))] = truncated
    await #expect(throws: RepositoryError.self) { try await files.load(.index(SHA256.id(of: truncated))) }
  }

  // R9.
  @Test("a file that a faulty processor encrypts wrongly is not stored", arguments: [1, 2])
  func wrongEncryption(version: Int) async throws {
    let backend = MemoryBackend(files: [:])
    let files = Self.files(backend, version: version)
    let plaintext = Array(#"{"version":\#(version),"encrypted":"wrongly, as no other file"}"#.utf8)
    await CipherFault.encryptingWrongly(version > 1 ? [2] + Zstd.compress(plaintext, mode: .auto) : plaintext) {
      await #expect(throws: RepositoryError.self) { try await files.save(plaintext, as: BackendFile.snapshot) }
    }
    // The config is never compressed.
    await CipherFault.encryptingWrongly(plaintext) {
      await #expect(throws: RepositoryError.self) { try await files.saveConfig(plaintext) }
    }
    #expect(backend.files.isEmpty)
    let id = try await files.save(plaintext, as: BackendFile.snapshot)
    #expect(try await files.load(.snapshot(id)) == plaintext)
  }

  // R12 Nothing is decompressed beyond what its type can have.
  @Test("a frame whose content exceeds the limit of its file type is refused without decompression")
  func bombs() async throws {
    let backend = MemoryBackend(files: [:])
    let files = Self.files(backend, version: 2)
    let sizes: [(BackendFileType, fits: Int, tooMuch: Int)] = [
      (.lock, 64 << 10, (64 << 10) + 1), (.snapshot, 1 << 20, (32 << 20) + 1), (.index, 1 << 20, (16 << 20) + 1),
    ]
    for (type, fits, tooMuch) in sizes {
      for byteCount in [fits, tooMuch] {
        let stored = files.masterKey.seal([2] + Zstd.compress([UInt8](repeating: 32, count: byteCount), mode: .auto))
        let id = SHA256.id(of: stored, as: ID<Never>.self)
        let file = try #require(BackendFile(type: type, name: id.hex))
        backend[file] = stored
        if byteCount == fits {
          #expect(try await files.load(file).count == fits)
        } else {
          let error = await #expect(throws: RepositoryError.self) { try await files.load(file) }
          #expect("\(try #require(error))".contains("decompression yields more than"))
        }
      }
    }
  }

  @Test("a file that does not match its name is loaded once more, and then refused")
  func secondTry() async throws {
    let backend = MemoryBackend(files: [:])
    let files = Self.files(backend, version: 2)
    let id = try await files.save(Self.json, as: BackendFile.index)
    let sound = try #require(backend[.index(id)])
    backend[.index(id)] = sound + [0]
    let healing = FaultBackend(backend) { call in
      if call.number == 2 { backend[.index(id)] = sound }
      return nil
    }
    #expect(try await UnpackedFiles.loadStored(.index(id), from: healing).array == sound)
    backend[.index(id)] = sound + [0]
    let counted = FaultBackend(backend)
    await #expect(throws: RepositoryError.self) { try await UnpackedFiles.loadStored(.index(id), from: counted) }
    #expect(counted.callCount == 2)
  }
}
