import ResticCore

/// The meaning of names in a tree that holds git repositories.
struct GitNameRules: NameRules {
  func place(_ place: DirectoryPlace, hasEntry: (Name) -> Bool) -> DirectoryPlace {
    BareRepository.position(place.position, hasEntry: hasEntry).place
  }

  func place(of name: Name, in place: DirectoryPlace) -> DirectoryPlace {
    BareRepository.position(of: name, in: place.position).place
  }

  func isInFlight(_ name: Name, isDirectory: Bool, in place: DirectoryPlace) -> Bool {
    BareRepository.isInFlight(name, isDirectory: isDirectory, in: place.position)
  }

  func isLock(_ name: Name, in place: DirectoryPlace) -> Bool { BareRepository.isLock(name, in: place.position) }

  func mayBeLock(_ name: Name) -> Bool { BareRepository.mayBeLock(name) }

  var namesWithContext: [Name] { ["config", "config.worktree"] }

  func mayHoldLocks(_ place: DirectoryPlace) -> Bool {
    switch place.position {
    case .objects, .packs, .looseObjects: false
    case .outside, .root, .references, .reftables, .info, .commitGraphs, .elsewhere: true
    }
  }
}

extension DirectoryPlace {
  /// The position for this place.
  fileprivate var position: BareRepository.Position { BareRepository.Position(rawValue: rawValue) ?? .outside }
}

extension BareRepository.Position {
  /// The place for this position.
  fileprivate var place: DirectoryPlace { DirectoryPlace(rawValue: rawValue) }
}

extension Tree {
  /// The nodes without files that git had in flight, if the directory's path puts it at `position`.
  func withoutInFlight(at position: BareRepository.Position) -> [Node] {
    nodes.withoutInFlight(at: position)
  }
}

extension [Node] {
  /// The entries without files that git has in flight, if the path of their directory puts it at `position`.
  func withoutInFlight(at position: BareRepository.Position) -> [Node] {
    GitNameRules().withoutInFlight(self, at: position.place)
  }
}
