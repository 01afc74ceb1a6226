import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import GitRemoteRestic

@Suite("The objects that a client knows to be in the packs of a stored repository", .timeLimit(.minutes(30)))
struct KnownObjectsTests {
  /// A bare repository of three commits, each in a pack of its own, in a folder that goes with the value.
  private struct Repository {
    let folder: TemporaryDirectory
    let root: FilePath
    let objects: KnownObjects

    init(format: String = "sha1") async throws {
      folder = try TemporaryDirectory()
      root = folder.path.appending("r.git")
      objects = KnownObjects(folder: folder.path.appending("objects-1"))
      try await run(
        """
        git init -q --bare --object-format=\(format) r.git; cd r.git
        for i in 1 2 3; do
          b=$(echo $i | git hash-object -w --stdin)
          t=$(printf '100644 blob %s\\tf\\n' $b | git mktree)
          c=$(git commit-tree -m $i $(git rev-parse -q --verify refs/heads/main | sed 's/^/-p /') $t); git update-ref refs/heads/main $c
          git repack -q -d
        done
        git prune-packed
        """)
    }

    @discardableResult
    func run(_ script: String) async throws -> String {
      try await ProcessRunner(
        environment: [
          "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e",
          "GIT_COMMITTER_NAME": "n", "GIT_COMMITTER_EMAIL": "e",
        ], directory: folder.path
      ).check("/bin/sh", ["-e", "-c", script]).output
    }

    func packs() throws -> StoredPacks { try #require(StoredPacks(in: root)) }

    func knows(_ old: StoredPacks, idByteCount: Int = 20) throws -> Bool {
      objects.areAll(of: old, in: try packs(), at: root, idByteCount: idByteCount)
    }
  }

  // G1
  @Test(
    "repacked objects are known, in both of git's object formats",
    arguments: [("sha1", 20), ("sha256", 32)])
  func repacked(_ format: String, _ idByteCount: Int) async throws {
    let repository = try await Repository(format: format)
    let old = try repository.packs()
    #expect(old.indexes.count == 3)
    repository.objects.keep(old, at: repository.root, idByteCount: idByteCount)
    try await repository.run("cd r.git; git repack -q -a -d")
    let new = try repository.packs()
    #expect(new.indexes.count == 1 && new.indexes.isDisjoint(with: old.indexes))
    #expect(try repository.knows(old, idByteCount: idByteCount))
    // Packs that are no longer noted are not known.
    repository.objects.keep(new, at: repository.root, idByteCount: idByteCount)
    #expect(try !repository.knows(old, idByteCount: idByteCount))
    #expect(try FileManager.default.contentsOfDirectory(atPath: repository.objects.folder.string).count == 1)
  }

  // G1
  @Test("packs that lack an object, and packs that were not noted, are not known to be complete")
  func incomplete() async throws {
    let repository = try await Repository()
    let old = try repository.packs()
    #expect(try repository.knows(old), "packs that are there need no note")
    repository.objects.keep(old, at: repository.root, idByteCount: 20)
    // A pack with all objects but one.
    try await repository.run(
      """
      cd r.git; git rev-list --objects --all | cut -d' ' -f1 | sed 1d >all; rm -r objects/pack.new 2>/dev/null || true
      mkdir new; git pack-objects -q new/pack <all >/dev/null; chmod -R u+w objects/pack; rm objects/pack/*; mv new/* objects/pack/
      """)
    #expect(try !repository.knows(old))
    try await repository.run("rm -r objects-1")
    #expect(try !repository.knows(old))
  }

  @Test("a pack without its index, and an index without its pack, do not count")
  func halves() async throws {
    for ending in ["pack", "idx"] {
      let repository = try await Repository()
      let old = try repository.packs()
      repository.objects.keep(old, at: repository.root, idByteCount: 20)
      try await repository.run("cd r.git; git repack -q -a -d; rm -f objects/pack/*.\(ending)")
      #expect(try !repository.knows(old))
    }
  }

  @Test("a damaged index or note does not count: every truncation, and every byte of the lookup tables")
  func damaged() async throws {
    let repository = try await Repository()
    try await repository.run("cd r.git; git repack -q -a -d; cp objects/pack/*.idx ../index")
    let path = repository.folder.path.appending("index")
    let sound = Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
    let objects = try #require(PackedObjects(indexAt: path, idByteCount: 20))
    #expect(objects.prefixes.count == 9 && objects.prefixes == objects.prefixes.sorted())
    #expect(PackedObjects(indexAt: path, idByteCount: 32) == nil || objects.prefixes.isEmpty)
    func index(_ bytes: [UInt8]) throws -> PackedObjects? {
      try Data(bytes).write(to: URL(fileURLWithPath: path.string))
      return PackedObjects(indexAt: path, idByteCount: 20)
    }
    for count in stride(from: 0, to: sound.count, by: 13) { #expect(try index(Array(sound.prefix(count))) == nil) }
    for position in 0..<(8 + 1024) {
      var bytes = sound
      bytes[position] ^= 0x81
      #expect(try index(bytes) == nil, "byte \(position)")
    }
    let encoded = objects.encoded
    #expect(PackedObjects(decoding: encoded) == objects)
    for count in 0..<encoded.count { #expect(PackedObjects(decoding: Array(encoded.prefix(count))) == nil) }
    for position in encoded.indices {
      var bytes = encoded
      bytes[position] ^= 1
      #expect(PackedObjects(decoding: bytes) == nil)
    }
  }

  @Test("names other than git's pack names are ignored")
  func names() {
    let packs = StoredPacks(lines: [
      "pack-../../x.idx 5", "pack-ab.idx 7", "x.idx 3", "pack-cd.pack 4", "pack-ef.idx x",
    ])
    #expect(packs.indexes.map(\.stem) == ["pack-ab"])
  }
}
