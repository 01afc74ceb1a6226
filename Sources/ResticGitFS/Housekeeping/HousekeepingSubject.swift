import ResticCore
import SystemPackage

/// A git repository on a mount, with everything that decides which steps to take and what git sees of it.
struct HousekeepingSubject: Sendable {
  private static let byteLimit: UInt64 = 1 << 16

  let place: HousekeepingPlaces.Place
  /// The names in its folder.
  let names: Set<Name>
  var findings: RepositorySurvey.Findings
  /// What its configuration says about housekeeping.
  private(set) var wishes = HousekeepingWishes()
  /// The configuration that git is shown.
  private(set) var configuration: [UInt8] = []
  /// The stored `HEAD`.
  private(set) var head: [UInt8] = []

  /// Examines the repository in `place`.
  static func examine(
    _ place: HousekeepingPlaces.Place, of files: FileReader, _ extent: RepositorySurvey.Extent
  ) throws(Errno) -> HousekeepingSubject {
    let tree = files.tree
    let children = try tree.read("maintain") { namespace throws(NamespaceError) in
      try namespace.children(of: place.root)
    }
    var subject = HousekeepingSubject(
      place: place, names: Set(children.keys), findings: try RepositorySurvey.run(on: tree, at: place.root, extent))
    guard subject.findings.obstacle == nil else { return subject }
    if let config = children["config"] {
      try subject.read(files.beginning(of: config, limit: SafeConfiguration.byteLimit))
    }
    if extent != .known, let head = children["HEAD"] {
      subject.head = try files.beginning(of: head, limit: byteLimit)
    }
    return subject
  }

  private mutating func read(_ stored: [UInt8]) {
    guard stored.count < SafeConfiguration.byteLimit else {
      findings.obstacle = "its config is too large"
      return
    }
    do {
      configuration = try SafeConfiguration(of: stored).text
      wishes = HousekeepingWishes(try GitConfigurationText(stored).entries)
      if wishes.keepsAllObjects { findings.obstacle = "its objects must not be deleted (extensions.preciousObjects)" }
    } catch {
      findings.obstacle = "its config \(error)"
    }
  }
}
