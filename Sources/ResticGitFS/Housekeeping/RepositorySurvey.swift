import ResticCore
import SystemPackage

/// Counts what a git repository on a mount holds, and checks whether git may maintain it. Reads the tree, not the
/// kernel's mount.
///
/// Source: gitrepository-layout(5); too_many_loose_objects and too_many_packs of builtin/gc.c of git 2.39.
struct RepositorySurvey {
  /// How much to read.
  enum Extent: Sendable {
    /// Only what is in memory: takes no time, and reads nothing from the storage. What git has just used is in memory.
    case known
    /// What decides which steps to take.
    case needed
    /// Also each loose object, and the reflogs.
    case everything
  }

  /// What was found.
  struct Findings: Sendable {
    var counts = RepositoryCounts()
    /// The size of `packed-refs`.
    var packedReferenceByteCount: UInt64 = 0
    /// A git operation that is under way in the repository; nil if there is none.
    var busy: String?
    /// Why git must not maintain the repository; nil if it may.
    var obstacle: String?
    /// Whether the repository has the lists that a web server without git needs (`git update-server-info`).
    var hasServerInformation = false
    /// Whether the repository may need objects that git, in a `HousekeepingFolder`, treats as unreachable: those of
    /// work trees, of an index or of a rebase, which are not in that folder, and those that grafts or `shallow` hide.
    var hidesReachableObjects = false
  }

  struct Entry: Sendable {
    let name: Name
    let number: InodeNumber
    let type: NodeType
    let changed: Timestamp
    let byteCount: UInt64
    var isDirectory: Bool { type == .dir }
  }

  /// A repository with more references is not maintained.
  private static let referenceLimit = ServingRules.referenceLimit
  private static let depthLimit = 100
  /// How deep files lie in a folder that git has in flight: `incoming-…/pack/tmp_pack_…`.
  private static let quarantineDepth = 2
  /// No git holds a lock for longer: an older lock was left by a killed git, and is ignored.
  private static let staleAfterSeconds: Int64 = 3600

  let tree: WorkingTree
  /// The repository's folder.
  let root: InodeNumber
  let extent: Extent
  private var findings = Findings()

  private init(_ tree: WorkingTree, _ root: InodeNumber, _ extent: Extent) {
    self.tree = tree
    self.root = root
    self.extent = extent
  }

  /// Examines the repository in the folder `root` of `tree`.
  static func run(on tree: WorkingTree, at root: InodeNumber, _ extent: Extent) throws(Errno) -> Findings {
    var survey = RepositorySurvey(tree, root, extent)
    try survey.run()
    return survey.findings
  }

  private mutating func run() throws(Errno) {
    for entry in try look(at: root, .root) {
      if entry.name == "packed-refs" { findings.packedReferenceByteCount = entry.byteCount }
      switch entry.name {
      case "HEAD", "packed-refs", "config", "config.worktree": require(.file, entry)
      case "shallow":
        require(.file, entry)
        findings.hidesReachableObjects = true
      case "objects":
        require(.dir, entry)
        if entry.isDirectory { try lookAtObjects(entry.number) }
      case "refs":
        require(.dir, entry)
        findings.counts.looseReferences = try countFiles(in: entry.number, .references, depth: 0)
      case "logs":
        require(.dir, entry)
        if extent == .everything { _ = try countFiles(in: entry.number, .elsewhere, depth: 0) }
      case "info":
        require(.dir, entry)
        if entry.isDirectory { try lookAtSettings(entry.number) }
      case "worktrees", "index", "rebase-merge", "rebase-apply": findings.hidesReachableObjects = true
      case "commondir", "gitdir": object("it is a part of another repository")
      case "reftable": object("its references are in tables, which git keeps in order itself")
      case ".git": object("another repository is in it")
      default: break
      }
    }
  }

  private mutating func lookAtObjects(_ objects: InodeNumber) throws(Errno) {
    for entry in try look(at: objects, .objects) {
      switch entry.name {
      case "pack":
        require(.dir, entry)
        if entry.isDirectory { try lookAtPacks(entry.number) }
      case "info":
        require(.dir, entry)
        if entry.isDirectory { try lookAtInformation(entry.number) }
      case let name where name.bytes.count == 2:
        require(.dir, entry)
        guard entry.isDirectory else { continue }
        if extent == .everything {
          findings.counts.looseObjects += try look(at: entry.number, .looseObjects).count
        } else if name == "17" {
          findings.counts.looseObjects = 256 * (try look(at: entry.number, .looseObjects).count)
        }
      default: break
      }
    }
  }

  private mutating func lookAtPacks(_ packs: InodeNumber) throws(Errno) {
    var kept: Set<Name> = []
    var found: [Name] = []
    for entry in try look(at: packs, .packs) {
      if entry.name == "multi-pack-index.d" {
        require(.dir, entry)
        guard entry.isDirectory else { continue }
        for file in try look(at: entry.number, .packs) { require(.file, file) }
        continue
      }
      require(.file, entry)
      guard let dot = entry.name.bytes.lastIndex(of: UInt8(ascii: ".")) else { continue }
      let stem = Name(Array(entry.name.bytes[..<dot]))
      switch Name(Array(entry.name.bytes[dot...])) {
      case ".pack": found.append(stem)
      case ".keep", ".mtimes": kept.insert(stem)
      case ".promisor": object("it lacks objects that another repository has promised")
      default: break
      }
    }
    findings.counts.packfiles = found.filter { !kept.contains($0) }.count
  }

  /// Examines `info`: git reads `attributes` and `grafts` there, and writes `refs`.
  private mutating func lookAtSettings(_ information: InodeNumber) throws(Errno) {
    for entry in try look(at: information, .info) {
      if !entry.isDirectory { require(.file, entry) }
      if entry.name == "grafts" { findings.hidesReachableObjects = true }
    }
  }

  private mutating func lookAtInformation(_ information: InodeNumber) throws(Errno) {
    for entry in try look(at: information, .info) {
      switch entry.name {
      case "alternates", "http-alternates": object("it borrows objects from another repository")
      case "commit-graphs":
        require(.dir, entry)
        guard entry.isDirectory else { continue }
        for file in try look(at: entry.number, .commitGraphs) { require(.file, file) }
      default:
        require(.file, entry)
        if entry.name == "packs" { findings.hasServerInformation = true }
      }
    }
  }

  private mutating func countFiles(
    in directory: InodeNumber, _ position: BareRepository.Position, depth: Int
  ) throws(Errno) -> Int {
    guard depth < Self.depthLimit else {
      object("it has folders in folders without end")
      return 0
    }
    var count = 0
    for entry in try look(at: directory, position) {
      if entry.isDirectory {
        count += try countFiles(in: entry.number, position, depth: depth + 1)
      } else {
        require(.file, entry)
        count += 1
      }
      guard count <= Self.referenceLimit else {
        object("it has more than \(Self.referenceLimit) references")
        return count
      }
    }
    return count
  }

  // MARK: Looking

  /// The entries of a directory, except those that git has in flight; fresh ones among those are noted.
  private mutating func look(
    at directory: InodeNumber, _ position: BareRepository.Position
  ) throws(Errno) -> [Entry] {
    let now = Timestamp.now()
    var others: [Entry] = []
    for entry in try entries(of: directory) {
      guard BareRepository.isInFlight(entry.name, isDirectory: entry.isDirectory, in: position) else {
        others.append(entry)
        continue
      }
      if findings.busy == nil, try isFresh(entry, at: now, depth: 0) { findings.busy = entry.name.description }
    }
    return others
  }

  /// Whether an entry that git has in flight was changed recently: a long push keeps writing to a file deep in its
  /// folder. A time that is too far ahead of the clock counts as old: the clock was set back.
  private func isFresh(_ entry: Entry, at now: Timestamp, depth: Int) throws(Errno) -> Bool {
    if (now.seconds - entry.changed.seconds).magnitude < Self.staleAfterSeconds.magnitude { return true }
    guard entry.isDirectory, depth < Self.quarantineDepth else { return false }
    for inner in try entries(of: entry.number) {
      if try isFresh(inner, at: now, depth: depth + 1) { return true }
    }
    return false
  }

  private func entries(of directory: InodeNumber) throws(Errno) -> [Entry] {
    if extent == .known {
      return tree.read { namespace in
        guard case .directory(.loaded(let children))? = namespace.inodes[directory]?.body else { return [] }
        return children.compactMap { name, number in namespace.inodes[number].map { Entry(name, number, $0) } }
      }
    }
    return try tree.read("maintain") { namespace throws(NamespaceError) in
      var entries: [Entry] = []
      for (name, number) in try namespace.children(of: directory) {
        entries.append(Entry(name, number, try namespace.inode(number)))
      }
      return entries
    }
  }

  // MARK: Obstacles

  private mutating func require(_ type: NodeType, _ entry: Entry) {
    if entry.type != type { object("\(entry.name) is not what git expects there") }
  }

  private mutating func object(_ reason: String) {
    findings.obstacle = findings.obstacle ?? reason
  }
}

extension RepositorySurvey.Entry {
  fileprivate init(_ name: Name, _ number: InodeNumber, _ inode: Inode) {
    let byteCount =
      switch inode.body {
      case .file(.resolved(let extents)), .file(.changed(let extents)): extents.byteCount
      case .file(.stored), .directory, .special: inode.node.size
      }
    self.init(
      name: name, number: number, type: inode.node.type, changed: inode.node.mtime, byteCount: byteCount)
  }
}
