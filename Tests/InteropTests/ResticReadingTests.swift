import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("restic reads repositories that this program wrote")
struct ResticReadingTests {
  private static let tools = ProcessRunner(environment: ["LC_ALL": "C.UTF-8"])

  /// Records an issue unless `restored` holds what `source` holds: contents, types, modes, owners, times, links.
  private static func expectSame(_ source: FilePath, _ restored: FilePath) async throws {
    let diff = try await tools.run("diff", ["-r", "--no-dereference", source.string, restored.string])
    // A fifo is the one thing that diff cannot compare.
    let differences = diff.output.split(separator: "\n").filter { !$0.contains("is a fifo") }
    #expect(differences.isEmpty, "\(diff.output)\(diff.errorOutput)")
    let listing = #"%P\0%y %m %U %G %s %T@ %n %l\0"#
    let list: (FilePath) async throws -> Set<[UInt8]> = { path in
      // Sizes of folders belong to the file system.
      let files = try await tools.check("find", [path.string, "!", "-type", "d", "-printf", listing])
      let folders = try await tools.check(
        "find", [path.string, "-mindepth", "1", "-type", "d", "-printf", #"%P\0%m %U %G %T@\0"#])
      return Set((files.outputBytes + folders.outputBytes).split(separator: 0).map(Array.init))
    }
    let wanted = try await list(source)
    let got = try await list(restored)
    for line in wanted.symmetricDifference(got) {
      Issue.record("\(wanted.contains(line) ? "missing" : "too much"): \(String(decoding: line, as: UTF8.self))")
    }
    #expect(wanted.count > 100)
    for name in ["attributes", "links"] {
      let expected = Set(try FileAttributes.read(source.appending(name)))
      #expect(Set(try FileAttributes.read(restored.appending(name))) == expected)
    }
  }

  @Test(
    "restic checks, lists and restores a snapshot of this program, byte for byte",
    arguments: [
      (1, CompressionMode.auto), (2, .auto), (2, .off), (2, .fastest), (2, .better), (2, .max),
    ])
  func restore(version: Int, compression: CompressionMode) async throws {
    let directory = try TemporaryDirectory()
    let restic = Restic(in: directory)
    let source = try SourceTree(at: directory.path.appending("source"))
    let repository = try await restic.create(version: version, compression: compression)
    let saved = try await SourceUpload(repository).commit(source.path)

    #expect(try await restic("check", "--read-data").contains("no errors were found"))
    #expect(try await restic("cat", "config").contains(repository.config.id))
    let snapshots = try await restic("snapshots", "--json")
    for part in [saved.id.hex, "ourhost", "ouruser", source.path.string, "ours"] { #expect(snapshots.contains(part)) }
    let listing = try await restic("ls", "--recursive", saved.id.hex)
    #expect(listing.split(separator: "\n").count > 350)
    #expect(try await restic("stats", "--mode", "raw-data").contains("Total Blob Count"))
    #expect(try await restic("list", "locks").isEmpty)

    let restored = directory.path.appending("restored")
    try await restic("restore", "latest", "--target", restored.string)
    try await Self.expectSame(source.path, restored)
  }

  @Test("restic's own backup of the same folder finds every chunk stored already", arguments: [1, 2])
  func deduplication(version: Int) async throws {
    let directory = try TemporaryDirectory()
    let restic = Restic(in: directory)
    let source = try SourceTree(at: directory.path.appending("source"), largeByteCount: 30 << 20)
    try await SourceUpload(try await restic.create(version: version)).commit(source.path)
    let output = try await restic("backup", "--json", "--force", ".", in: source.path)
    let summary = try #require(output.split(separator: "\n").last { $0.contains("summary") })
    let fields = try #require(JSONSerialization.jsonObject(with: Data(summary.utf8)) as? [String: Any])
    #expect(fields["data_blobs"] as? Int == 0)

    // And the other way round: after restic's backup we find all of it.
    let repository = try await restic.open()
    let upload = SourceUpload(repository)
    try await upload.commit(source.path)
    #expect(upload.uploader.statistics.data.addedBlobCount == 0)
    #expect(upload.uploader.statistics.data.knownBlobCount > 300)
  }

  @Test("restic compresses blobs that this program stored uncompressed, on request, and this program reads both")
  func uncompressed() async throws {
    let directory = try TemporaryDirectory()
    let restic = Restic(in: directory)
    let source = try SourceTree(at: directory.path.appending("source"), largeByteCount: 10 << 20)
    let repository = try await restic.create(version: 2)
    let saved = try await SourceUpload(repository).commit(source.path)
    #expect(try await Self.uncompressedByteCount(repository) >= 10 << 20)
    #expect(try await restic("check", "--read-data").contains("no errors were found"))

    try await restic("prune", "--repack-uncompressed")
    #expect(try await Self.uncompressedByteCount(repository) == 0)
    #expect(try await restic("check", "--read-data").contains("no errors were found"))
    try await repository.loadIndex()
    var comparison = SourceComparison(repository)
    try await comparison.compare(saved.snapshot.tree, with: source.path)
  }

  /// How many bytes of data are in blobs that are not compressed, as the packs' headers say.
  private static func uncompressedByteCount(_ repository: Repository) async throws -> Int {
    var byteCount = 0
    for entry in try await repository.backend.list(.data) {
      let pack = try await repository.backend.load(entry.file).array
      let blobs = try PackBuilder.decodeHeader(of: pack, repository.coder.masterKey)
      byteCount += blobs.filter { $0.type == .data && $0.uncompressedLength == nil }.reduce(0) { $0 + Int($1.length) }
    }
    return byteCount
  }

  @Test(
    "restic goes on with the repository (backup, tag, forget, prune), and this program reads the rest",
    arguments: [1, 2])
  func life(version: Int) async throws {
    let directory = try TemporaryDirectory()
    let restic = Restic(in: directory)
    let source = try SourceTree(at: directory.path.appending("source"))
    let repository = try await restic.create(version: version)
    for round in 0..<4 {
      try SourceTree.write(Array("round \(round)".utf8), to: source.path.appending("changing"), mode: 0o644)
      if round % 2 == 0 {
        try await SourceUpload(repository).commit(source.path)
      } else {
        try await restic("backup", ".", in: source.path)
      }
      try await repository.loadIndex()
    }
    #expect(try await repository.snapshots().count == 4)
    try await restic("tag", "--add", "kept", "latest")
    try await restic("forget", "--group-by", "", "--keep-last", "2", "--prune", "--max-unused", "0")
    #expect(try await restic("check", "--read-data").contains("no errors were found"))

    let saved = try #require(try await repository.latestSnapshot(matching: SnapshotFilter(tags: [["kept"]])))
    #expect(try await repository.snapshots().count == 2)
    var comparison = SourceComparison(repository)
    try await comparison.compare(saved.snapshot.tree, with: source.path)
    let later = try await SourceUpload(repository).commit(source.path)
    #expect(try await restic("check", "--read-data").contains("no errors were found"))
    #expect(try await restic("snapshots", "--json").contains(later.id.hex))
  }

  @Test(
    "a commit that dies after any call leaves a repository that restic finds sound", arguments: [false, true])
  func death(losingAnswer: Bool) async throws {
    let directory = try TemporaryDirectory()
    let restic = Restic(in: directory)
    let source = directory.path.appending("source")
    try SourceTree.makeFolder(source, mode: 0o755)
    var random = SplitMix64(seed: 9)
    for number in 0..<5 { try SourceTree.write(random.bytes(30_000), to: source.appending("\(number)"), mode: 0o644) }
    let memory = MemoryBackend()
    var settings = Restic.settings()
    settings.packByteCount = 50_000
    try await SourceUpload(
      try await Repository.create(on: memory, password: Restic.password, settings: settings)
    ).commit(source)
    for number in 3..<9 { try SourceTree.write(random.bytes(30_000), to: source.appending("\(number)"), mode: 0o644) }

    let files = memory.files
    var isOver = false
    var count = 0
    while !isOver {
      let backend = MemoryBackend(files: files)
      let dying = FaultBackend.dying(backend, afterCalls: count, losingAnswer: losingAnswer, onlyWrites: true)
      do {
        let repository = try await Repository.open(on: dying, password: Restic.password, settings: settings)
        try await repository.loadIndex()
        try await SourceUpload(repository).commit(source)
        isOver = true
      } catch is RepositoryError {
        #expect(count < 30)
      }
      count += 1
      try await Self.store(backend, at: restic)
      #expect(try await restic("check", "--no-lock", "--read-data").contains("no errors were found"))
    }
  }

  /// Puts the files of `memory` in the place of restic's repository.
  private static func store(_ memory: MemoryBackend, at restic: Restic) async throws {
    if FileManager.default.fileExists(atPath: restic.path.string) {
      try FileManager.default.removeItem(atPath: restic.path.string)
    }
    let local = restic.backend
    try await local.create()
    for (file, bytes) in memory.files where file.type != .lock { try await local.save(file, bytes) }
  }
}
