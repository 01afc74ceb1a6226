import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K4 Small index files that were read once are not read again.
@Suite("The record of index files", .timeLimit(.minutes(30)))
struct IndexRecordTests {
  private let test: CacheTestFolder
  private let memory = MemoryBackend()

  init() throws { test = try CacheTestFolder() }

  /// A repository with `count` index files of which the record knows nothing, and the trees that they name.
  private func create(_ count: Int) async throws -> [BlobID] {
    let repository = try await TestRepository.create(on: memory)
    var trees: [BlobID] = []
    for number in 0..<count { trees.append(try await add(number, to: repository)) }
    return trees
  }

  /// Stores a tree of its own, and an index file that names it.
  private func add(_ number: Int, to repository: Repository) async throws -> BlobID {
    let uploader = repository.makeUploader()
    let root = try await uploader.add(Array("{\"nodes\":[],\"number\":\(number)}\n".utf8), type: .tree)
    _ = try await uploader.finish(root: root)
    await repository.finishCaching()
    return root
  }

  /// The repository, opened anew with its record, its index loaded, and how many index files were read for that.
  private func open() async throws -> (repository: Repository, reads: Int) {
    let calls = FaultBackend(memory)
    let repository = try await TestRepository.open(calls, settings: test.settings(keepsFiles: false))
    try await repository.loadIndex()
    return (repository, calls.calls.count { $0.operation == .load && $0.type == .index })
  }

  private func path() async throws -> FilePath {
    test.folder(of: try await open().repository).appending(RecordedIndexFile.recordName)
  }

  @Test("each index file is read once, by the first process, and its content is the same from the record")
  func once() async throws {
    let trees = try await create(40)
    for reads in [40, 0, 0] {
      let opened = try await open()
      #expect(opened.reads == reads)
      for tree in trees { #expect(try await !opened.repository.loadBlob(tree, type: .tree).isEmpty) }
    }
  }

  @Test("a process finds index files of another process without a read; a few index files are not recorded")
  func saved() async throws {
    _ = try await create(3)
    for _ in 0..<2 { #expect(try await open().reads == 3) }
    let plain = try await TestRepository.open(memory)
    for number in 10..<30 { _ = try await add(number, to: plain) }
    let first = try await open()
    #expect(first.reads == 23)
    let tree = try await add(100, to: first.repository)
    let second = try await open()
    #expect(second.reads == 0 && second.repository.contains(tree, type: .tree))
  }

  @Test("index files that a prune has replaced are forgotten, and are removed from the record in time")
  func replaced() async throws {
    let trees = try await create(400)
    _ = try await open()
    let path = try await path()
    let before = try CacheTestFolder.status(path).st_size
    // The others stay in the index, and these are gone with their packs.
    let files = try await memory.list(.index).map(\.file)
    for file in files.dropFirst(20) { memory[file] = nil }
    let opened = try await open()
    #expect(opened.reads == 0)
    #expect(trees.count { opened.repository.contains($0, type: .tree) } == 20)
    #expect(try CacheTestFolder.status(path).st_size < before / 10)
    #expect(try await open().reads == 0)
  }

  @Test("an index file whose size has changed is read again, and its damage is reported")
  func otherSize() async throws {
    _ = try await create(20)
    _ = try await open()
    let file = try #require(try await memory.list(.index).first).file
    memory[file] = Array(repeating: 7, count: 50)
    await #expect(throws: RepositoryError.self) { try await open() }
  }

  @Test("a changed record never makes the index wrong: truncations, and bits everywhere")
  func damage() async throws {
    let trees = try await create(20)
    _ = try await open()
    let path = try await path()
    let sound = try CacheTestFolder.bytes(path)
    for position in stride(from: 0, to: sound.count, by: 61) {
      var bytes = sound
      bytes[position] ^= 1 << (position % 8)
      for content in [bytes, Array(sound.prefix(position))] {
        try CacheTestFolder.write(content, to: path)
        let opened = try await open()
        #expect(opened.reads == 20 && trees.allSatisfy { opened.repository.contains($0, type: .tree) })
      }
    }
    #expect(try await open().reads == 0)
  }

  @Test("entries are read back as written; a truncated entry, and a count beyond the end, are errors")
  func coding() throws {
    func blob(_ number: UInt32, of pack: UInt64) -> PackBlob {
      let id = BlobID(words: (UInt64(number), pack, UInt64.max, 0))
      let type: BlobType = number % 2 == 0 ? .tree : .data
      let plain: UInt32? = number % 3 == 0 ? nil : 77
      return PackBlob(id: id, type: type, offset: number * 40, length: 40, uncompressedLength: plain)
    }
    func pack(_ number: UInt64, _ blobCount: UInt32) -> IndexFile.Pack {
      var blobs: [PackBlob] = []
      for index in 0..<blobCount { blobs.append(blob(index, of: number)) }
      return IndexFile.Pack(id: PackID(words: (number, 1, 2, 3)), blobs: blobs)
    }
    func file(_ number: Int) -> RecordedIndexFile {
      let id = IndexID(words: (UInt64(number), 0, 0, 9))
      return RecordedIndexFile(id: id, byteCount: 300 + number, packs: [pack(1, 3), pack(2, UInt32(number) + 1)])
    }
    let files = [file(0), file(1), file(2)]
    let group = try #require(RecordedIndexFile.encode(files).first)
    #expect(try RecordedIndexFile.decode(group) == files)
    var ends: Set<Int> = []
    for count in 0...3 { ends.insert(RecordedIndexFile.encode(files.prefix(count)).first?.count ?? 0) }
    for count in 0..<group.count where !ends.contains(count) {
      #expect(throws: FormatError.self) { try RecordedIndexFile.decode(Array(group.prefix(count))) }
    }
    for position in group.indices {
      var bytes = group
      bytes[position] = 0xff
      // Whatever comes of it.
      _ = try? RecordedIndexFile.decode(bytes)
    }
    // Large ones, and those that would come back as something else, are left out.
    let large = RecordedIndexFile(id: files[0].id, byteCount: 1, packs: [pack(1, 2001)])
    let empty = RecordedIndexFile(
      id: files[0].id, byteCount: 1, packs: [IndexFile.Pack(id: PackID(words: (0, 0, 0, 0)), blobs: [])])
    #expect(RecordedIndexFile.encode([large, empty]).isEmpty)
  }
}
