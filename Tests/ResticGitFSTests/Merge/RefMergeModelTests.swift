import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// Random histories of refs on two sides, merged by `TreeMerge` and by a naive model. More seeds: RESTIC_GITFS_MERGE_SEEDS=100-199.
@Suite("The merge of refs agrees with a model")
struct RefMergeModelTests {
  @Test(
    "whatever two sides do to refs, the merge agrees with the model, is sound, and loses no ref of ours",
    arguments: MergeFixture.seeds(0..<60))
  func histories(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let fixture = try await MergeFixture()
    var base = RefHistory()
    for _ in 0..<12 { base.step(&random) }
    for round in 0..<12 {
      var (theirs, ours) = (base, base)
      for _ in 0..<Int.random(in: 0...8, using: &random) { theirs.step(&random) }
      for _ in 0..<Int.random(in: 0...8, using: &random) { ours.step(&random) }
      let place: Comment = """
        seed \(seed), round \(round)
        base \(base.refs)
        theirs \(theirs.log)
        ours \(ours.log)
        """
      // With a file each, so that no side's tree is taken as a whole.
      let more = round % 4 == 0 ? nil : FileTree.Entry.file("x")
      let (files, result) = try await fixture.merge(
        base.files, theirs.files.changing(["t": more]), ours.files.changing(["o": more]))
      let refs = RefMap(files)
      let expected = RefMap.merge(base: base.refs, theirs: theirs.refs, ours: ours.refs)
      #expect(refs.without(MergeFixture.conflicts) == expected.merged, place)
      try Self.checkConflicts(result, files, expected.conflicts, place)
      #expect(refs.clashes.isEmpty && refs.dangling.isEmpty, place)
      if base.refs.hasHead, theirs.refs.hasHead, ours.refs.hasHead { #expect(refs.hasHead, place) }
      let names = RefMap(["packed-refs": files["packed-refs"] ?? ""]).values.keys
      #expect(PackedRefs(Array((files["packed-refs"]?.text ?? "").utf8))?.entries.count == names.count, place)

      if expected.conflicts.isEmpty {
        let mirrored = try await fixture.merge(base.files, ours.files, theirs.files)
        #expect(RefMap(mirrored.files) == refs && mirrored.result.conflicts.isEmpty, place)
      }
      let again = try await fixture.merge(base.files, files, ours.files)
      #expect(again.result.conflicts.isEmpty || !expected.conflicts.isEmpty, place)
      base.adopt(
        files.changing(
          Dictionary(
            uniqueKeysWithValues: files.entries.keys.filter { $0.hasPrefix("refs/conflicts/") }.map { ($0, nil) })))
    }
  }

  @Test("merging with an unchanged or an equal side gives the changed side", arguments: 100..<110)
  func identities(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let fixture = try await MergeFixture()
    var base = RefHistory()
    for _ in 0..<12 { base.step(&random) }
    var changed = base
    for _ in 0..<12 { changed.step(&random) }
    for (theirs, ours) in [(base, changed), (changed, base), (changed, changed)] {
      for folder in ["", "r"] {
        func placed(_ files: FileTree, _ more: String) -> FileTree {
          folder.isEmpty ? files.merging([more: "x"]) : files.inside(folder).merging([more: "x"])
        }
        let (files, result) = try await fixture.merge(
          placed(base.files, "b"), placed(theirs.files, "t"), placed(ours.files, "o"))
        let expected = placed(changed.files, "t").merging(["o": "x"])
        #expect(files == expected, "seed \(seed) \(base.refs) \(changed.log)")
        #expect(result.conflicts.isEmpty)
      }
    }
  }

  private static func checkConflicts(
    _ result: MergeResult, _ files: FileTree, _ expected: [String: String?], _ place: Comment
  ) throws {
    var reported: Set<String> = []
    for case .ref(let conflict) in result.conflicts {
      reported.insert(conflict.name.description)
      guard let value = expected[conflict.name.description] else {
        Issue.record("\(conflict) is no conflict; \(place)")
        continue
      }
      switch conflict.kept {
      case .ref(let name): #expect(RefMap(files)[name.description] == value, place)
      case .file(let name): #expect(files[name.description]?.text == value.map { $0 + "\n" }, place)
      case .nothing: #expect(value == nil, place)
      }
    }
    #expect(reported == Set(expected.keys) && reported.count == result.conflicts.count, place)
  }
}

extension RefMap {
  /// Whether `HEAD` leads to something.
  fileprivate var hasHead: Bool {
    guard let target = target(of: "HEAD") else { return values["HEAD"] != nil }
    return values[target] != nil
  }
}
