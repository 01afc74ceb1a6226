import Glibc
import Platform
import SystemPackage

/// What a client knows to be in each git packfile of a stored repository, in files of the client's git folder:
/// `restic/objects-HASH/PACK-SIZE`, where SIZE is the size of the pack's index.
///
/// So a push need not check all of a repository that was repacked. What the old packs held is stored if the indexes of
/// the new packs name all of it. The comparison takes time in proportion to the number of objects, as a walk does, but
/// it reads no object.
struct KnownObjects: Sendable {
  /// A repository with more packfiles than this has not been repacked.
  private static let packLimit = 512

  let folder: FilePath

  /// Whether the `new` packs, those of the repository at `root`, hold everything that the `old` packs held, according
  /// to the packs' indexes.
  func areAll(of old: StoredPacks, in new: StoredPacks, at root: FilePath, idByteCount: Int) -> Bool {
    let present = new.indexes
    let gone = old.indexes.subtracting(present)
    // A pack without its index, or an index without its pack, holds nothing.
    guard old.isWhole, new.isWhole, present.count <= Self.packLimit else { return false }
    var missing: [UInt64] = []
    for index in gone {
      guard let objects = load(index) else { return false }
      missing += objects.prefixes
    }
    var rest = PackedObjects(prefixes: missing.sorted())
    // The objects are most likely in the packs that were added.
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

  /// Notes what `packs`, those of the repository at `root`, hold, and forgets all other packs.
  func keep(_ packs: StoredPacks, at root: FilePath, idByteCount: Int) {
    let indexes = packs.indexes
    // A folder that cannot be read, for whatever reason, counts as empty.
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
    /// The pack's name without its extension: `pack-` and the hex digits of a hash.
    let stem: String
    let byteCount: String

    /// The name of the client's file for this index.
    fileprivate var fileName: String { "\(stem)-\(byteCount)" }

    /// The path of the index in the repository at `root`.
    fileprivate func path(in root: FilePath) -> FilePath {
      root.appending("objects").appending("pack").appending("\(stem).idx")
    }
  }

  /// The indexes of packs whose names have git's form.
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

  /// Whether each file is a pack or an index, and each pack has its index and the reverse.
  fileprivate var isWhole: Bool {
    let stems = Set(indexes.map(\.stem))
    let packs = Set(
      lines.lazy.compactMap { $0.split(separator: " ").first }.filter { $0.hasSuffix(".pack") }.map {
        String($0.dropLast(5))
      })
    return stems == packs && lines.count == 2 * stems.count
  }
}
