import ResticCore

/// Which packfiles and loose objects that one side deleted stay deleted in the merged repository.
///
/// A gc or repack writes objects into a new packfile, and deletes the files in which they were. The merge also deletes
/// such a file if every object in it is in a file that the merged repository certainly has (`ObjectHolders`). All other
/// files stay. So the merged repository has every object that either side has, and no ref of either side lacks one:
/// also if one side pruned objects that the other came to need, or if each side repacked the same objects and relied on
/// files that the other deleted.
///
/// Only indexes of packfiles are read, and only if something was deleted. Memory is limited: the objects are checked in
/// passes, by their first byte. Objects in a damaged or missing index count as being nowhere else, and their packfile
/// stays.
struct ObjectRemovals {
  /// The files that stay deleted.
  struct Decision: Sendable {
    /// Packfiles: `pack-ID`.
    var packs: Set<Name> = []
    var looseObjects: Set<ObjectName> = []
  }

  /// The three sides.
  let directory: ObjectDirectory
  /// Their packfiles.
  let packs: ThreeWay<Packfiles>
  let format: ObjectFormat
  let repository: Repository

  /// About how many names of objects are in memory at a time.
  private static let nameLimit = 1 << 18

  /// Checks everything that one side deleted. Throws the errors of loading.
  func decide() async throws -> Decision {
    var decision = Decision()
    let loose = try await removedLooseObjects()
    let all = packs.theirs.whole.merging(packs.ours.whole) { theirs, _ in theirs }
    let removed = all.filter { name, packfile in isRemoved(name) && !isLocked(packfile, name) }
    if removed.isEmpty, loose.isEmpty { return decision }
    let staying = all.filter { removed[$0.key] == nil }
    // In a partial clone, an object that refers to missing ones must be in a packfile that is marked for this.
    for isPromisor in [false, true] {
      let removed = removed.filter { $0.value.isPromisor == isPromisor }
      let loose = isPromisor ? [] : loose
      if removed.isEmpty, loose.isEmpty { continue }
      let staying = isPromisor ? staying.filter(\.value.isPromisor) : staying
      let holders = try await ObjectHolders(
        fresh: staying.filter { packs.base.whole[$0.key] == nil },
        older: staying.filter { packs.base.whole[$0.key] != nil }, hasLooseObjects: !isPromisor, directory, format,
        in: repository)
      let passes = passes(over: removed.merging(staying) { removed, _ in removed })
      let indexes = try await ObjectHolders.open(removed, format, in: repository)
      try await decide(indexes, loose, holders, passes, into: &decision)
    }
    return decision
  }

  private func decide(
    _ removed: [ObjectHolders.Holder], _ loose: Set<ObjectName>, _ holders: ObjectHolders, _ passes: [Range<Int>],
    into decision: inout Decision
  ) async throws {
    var (covered, looseCovered) = (removed, loose)
    for firstBytes in passes {
      var names = looseCovered.filter { firstBytes.contains(Int($0.firstByte)) }
      var namesByPack: [Name: [ObjectName]] = [:]
      for pack in covered {
        namesByPack[pack.name] = try await pack.index.names(of: firstBytes)
        names.formUnion(namesByPack[pack.name] ?? [])
      }
      let unheld = try await holders.unheld(names, firstBytes)
      looseCovered.subtract(unheld)
      covered.removeAll { pack in namesByPack[pack.name]?.contains(where: unheld.contains) ?? false }
    }
    decision.packs.formUnion(covered.map(\.name))
    decision.looseObjects.formUnion(looseCovered)
  }

  /// Whether exactly one side deleted the packfile.
  private func isRemoved(_ name: Name) -> Bool {
    let has = packs.map { $0.whole[name] != nil }
    return has.base && has.theirs != has.ours
  }

  /// Whether somebody has locked the packfile without the knowledge of the side that deleted it.
  private func isLocked(_ packfile: Packfiles.Packfile, _ name: Name) -> Bool {
    packfile.lock != nil && !packfile.lock.hasSameSubstance(as: packs.base.whole[name]?.lock)
  }

  /// The loose objects that exactly one side deleted.
  private func removedLooseObjects() async throws -> Set<ObjectName> {
    var removed: Set<ObjectName> = []
    for folder in directory.changedLooseFolders {
      for (name, versions) in try await directory.folder(folder).entries
      where versions.base != nil && (versions.theirs == nil) != (versions.ours == nil) {
        if let object = ObjectName(folder: folder, name: name, format) { removed.insert(object) }
      }
    }
    return removed
  }

  /// Ranges of first bytes, each of which has about `nameLimit` names in `packs`.
  private func passes(over packs: [Name: Packfiles.Packfile]) -> [Range<Int>] {
    let entryByteCount = UInt64(format.byteCount + 8)
    let nameCount = packs.values.reduce(UInt64(0)) { $0 + min($1.index.size / entryByteCount, 1 << 32) }
    let passCount = min(Int(nameCount) / Self.nameLimit + 1, 256)
    return (0..<passCount).map { $0 * 256 / passCount..<($0 + 1) * 256 / passCount }
  }
}
