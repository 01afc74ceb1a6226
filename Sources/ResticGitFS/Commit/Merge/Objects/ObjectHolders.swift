import Platform
import ResticCore

/// The files of a merged git repository that certainly hold objects: packfiles and loose objects that both sides have,
/// or that one side added.
///
/// Belongs to one task.
final class ObjectHolders {
  /// A packfile whose index is sound.
  struct Holder: Sendable {
    var name: Name
    var index: PackfileIndex
  }

  private let hasLooseObjects: Bool
  private let directory: ObjectDirectory
  private let format: ObjectFormat
  private let repository: Repository
  /// Packfiles that one side added: most likely those into which objects were repacked.
  private let fresh: [Holder]
  private let older: [Name: Packfiles.Packfile]
  private var openedOlder: [Holder]?
  /// The loose objects of folders that were read, by their first byte.
  private var looseObjects: [UInt8: Set<ObjectName>] = [:]

  /// An index of at most this size is kept in memory, as long as all of them together do not exceed the limit.
  private static let smallByteCount: UInt64 = 1 << 16
  private static let keptByteLimit: UInt64 = 16 << 20
  /// How many indexes are read at a time.
  private static let concurrentLoads = 8

  /// The packfiles `fresh` and `older`, and with `hasLooseObjects` the loose objects in `directory`. An older packfile
  /// is read only if an object is in no fresh one.
  /// none of the fresh ones.
  init(
    fresh: [Name: Packfiles.Packfile], older: [Name: Packfiles.Packfile], hasLooseObjects: Bool,
    _ directory: ObjectDirectory, _ format: ObjectFormat, in repository: Repository
  ) async throws {
    self.hasLooseObjects = hasLooseObjects
    self.directory = directory
    self.format = format
    self.repository = repository
    self.fresh = try await Self.open(fresh, format, in: repository)
    self.older = older
  }

  /// The objects among `names`, which all begin with one of `firstBytes`, that no file holds.
  func unheld(_ names: Set<ObjectName>, _ firstBytes: Range<Int>) async throws -> Set<ObjectName> {
    var unheld = names
    for holder in fresh where !unheld.isEmpty {
      unheld.subtract(try await holder.index.findableNames(of: firstBytes))
    }
    if unheld.isEmpty { return unheld }
    if openedOlder == nil { openedOlder = try await Self.open(older, format, in: repository) }
    for holder in openedOlder ?? [] where !unheld.isEmpty {
      unheld.subtract(try await holder.index.findableNames(of: firstBytes))
    }
    guard hasLooseObjects else { return unheld }
    for firstByte in Set(unheld.map(\.firstByte)) { unheld.subtract(try await looseObjects(firstByte)) }
    return unheld
  }

  private func looseObjects(_ firstByte: UInt8) async throws -> Set<ObjectName> {
    if let known = looseObjects[firstByte] { return known }
    let folder = Name(Hex.text(firstByte))
    var names: Set<ObjectName> = []
    for (name, versions) in try await directory.folder(folder).entries where versions.isCertain {
      // A file whose writing was cut off by a crash is usually empty.
      guard let file = versions.theirs ?? versions.ours, file.type == .file, file.size > 0 else { continue }
      if let object = ObjectName(folder: folder, name: name, format) { names.insert(object) }
    }
    looseObjects[firstByte] = names
    return names
  }

  /// The indexes of `packs`, without those that are damaged or missing.
  static func open(
    _ packs: [Name: Packfiles.Packfile], _ format: ObjectFormat, in repository: Repository
  ) async throws -> [Holder] {
    try await withThrowingTaskGroup(of: Holder?.self) { group in
      var keptByteCount: UInt64 = 0
      var open = packs.sorted { $0.key < $1.key }[...]
      func start() {
        guard let (name, packfile) = open.popFirst() else { return }
        let isKept =
          packfile.index.size <= smallByteCount && keptByteCount + packfile.index.size <= keptByteLimit
        if isKept { keptByteCount += packfile.index.size }
        group.addTask {
          try await PackfileIndex.open(packfile.index, of: packfile.pack, format, in: repository, isKept: isKept)
            .map { Holder(name: name, index: $0) }
        }
      }
      for _ in 0..<concurrentLoads { start() }
      var holders: [Holder] = []
      while let holder = try await group.next() {
        if let holder { holders.append(holder) }
        start()
      }
      return holders
    }
  }
}

extension ThreeWay<Node?> {
  /// Whether the entry is in the merged directory regardless of what is decided about deletions.
  var isCertain: Bool {
    theirs != nil && ours != nil || base == nil && (theirs != nil || ours != nil)
  }
}
