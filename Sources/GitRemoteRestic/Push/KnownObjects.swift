import Glibc
import Platform
import SystemPackage

/// What a client knows to be in each packfile of a stored repository, in files of its git folder: `restic/objects-HASH/PACK-SIZE`,
/// the size being that of the pack's index.
///
/// So a repository that somebody has packed anew need not be looked at as a whole. What the old packs held is there if the indexes
/// of the new ones name all of it: comparing takes time in proportion to the number of objects, as does a walk, but no object is
/// read.
struct KnownObjects: Sendable {
  /// With more packfiles nobody packs them.
  private static let packLimit = 512

  let folder: FilePath

  /// Whether all that `old` packs held is in `new` ones, those of the repository at `root`, as far as indexes tell.
  func areAll(of old: StoredPacks, in new: StoredPacks, at root: FilePath, idByteCount: Int) -> Bool {
    let present = new.indexes
    let gone = old.indexes.subtracting(present)
    // A pack that is there without its index, or the other way round, holds nothing.
    guard old.isWhole, new.isWhole, present.count <= Self.packLimit else { return false }
    var missing: [UInt64] = []
    for index in gone {
      guard let objects = load(index) else { return false }
      missing += objects.prefixes
    }
    var rest = PackedObjects(prefixes: missing.sorted())
    // Most likely they are in what is new.
    let added = present.subtracting(old.indexes)
    for index in Array(added) + Array(present.subtracting(added)) {
      if rest.prefixes.isEmpty { return true }
      let known = added.contains(index) ? nil : load(index)
      guard let objects = known ?? PackedObjects(indexAt: index.path(in: root), idByteCount: idByteCount) else {
        continue
      }
      rest = rest.subtracting(objects)
    }
    return rest.prefixes.isEmpty
  }

  /// Notes what `packs` hold, those of the repository at `root`, and forgets all others.
  func keep(_ packs: StoredPacks, at root: FilePath, idByteCount: Int) {
    let indexes = packs.indexes
    // What can't be read is not known, whatever the reason.
    let names = Set(((try? FolderNames.list(folder)) ?? []).map(\.string))
    let kept = Set(indexes.map(\.fileName))
    for name in names where !kept.contains(name) { ClientFile.remove(folder.appending(name)) }
    guard indexes.count <= Self.packLimit else { return }
    for index in indexes where !names.contains(index.fileName) {
      guard let objects = PackedObjects(indexAt: index.path(in: root), idByteCount: idByteCount) else { continue }
      ClientFile.replace(index.fileName, in: folder, with: objects.encoded)
    }
  }

  private func load(_ index: StoredPacks.Index) -> PackedObjects? {
    ClientFile.load(folder.appending(index.fileName), limit: PackedObjects.encodedByteLimit)
      .flatMap { PackedObjects(decoding: $0) }
  }
}

extension StoredPacks {
  /// The index of a pack.
  struct Index: Hashable, Sendable {
    /// The pack's name without its ending: `pack-` and the digits of a hash.
    let stem: String
    let byteCount: String

    /// The name of the client's file about it.
    fileprivate var fileName: String { "\(stem)-\(byteCount)" }

    /// Where it is in the repository at `root`.
    fileprivate func path(in root: FilePath) -> FilePath {
      root.appending("objects").appending("pack").appending("\(stem).idx")
    }
  }

  /// The indexes of packs with names that git gives.
  var indexes: Set<Index> {
    Set(
      lines.compactMap { line in
        let words = line.split(separator: " ")
        guard words.count == 2, words[0].hasSuffix(".idx") else { return nil }
        let stem = words[0].dropLast(4)
        guard stem.hasPrefix("pack-"), stem.dropFirst(5).allSatisfy(\.isHexDigit), words[1].allSatisfy(\.isNumber)
        else {
          return nil
        }
        return Index(stem: String(stem), byteCount: String(words[1]))
      })
  }

  /// Whether each file is one of a pack and its index that are both there.
  fileprivate var isWhole: Bool {
    let stems = Set(indexes.map(\.stem))
    let packs = Set(
      lines.lazy.compactMap { $0.split(separator: " ").first }.filter { $0.hasSuffix(".pack") }.map {
        String($0.dropLast(5))
      })
    return stems == packs && lines.count == 2 * stems.count
  }
}
