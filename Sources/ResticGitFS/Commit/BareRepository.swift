import ResticCore

/// What ResticGitFS knows of git's layout: which directories are git repositories, and which files in them are in flight.
///
/// Source: gitrepository-layout(5), lockfile.h and tmp-objdir.h of git 2.39; checked by `BareRepositoryTests`.
enum BareRepository {
  /// Where a directory stands in relation to git repositories.
  enum Position: Hashable, Sendable {
    /// In none.
    case outside
    /// A repository's root.
    case root
    /// `refs`, `reftable` or beneath.
    case references
    /// `objects`.
    case objects
    /// `objects/pack`.
    case packs
    /// `objects/` and two hex digits.
    case looseObjects
    /// Anything else in a repository.
    case elsewhere
  }

  /// Whether a directory with these entries is a git repository, as git itself tells: `HEAD`, `objects` and `refs`.
  static func isRepository(_ hasEntry: (Name) -> Bool) -> Bool {
    hasEntry("HEAD") && hasEntry("objects") && hasEntry("refs")
  }

  /// Where the subdirectory `name` of a directory at `position` stands.
  static func position(of name: Name, in position: Position) -> Position {
    switch (position, name) {
    case (.outside, _): .outside
    case (.root, "refs"), (.root, "reftable"), (.references, _): .references
    case (.root, "objects"): .objects
    case (.objects, "pack"): .packs
    case (.objects, _) where name.bytes.count == 2: .looseObjects
    default: .elsewhere
    }
  }

  /// Whether `name` is git's unfinished business, which never goes into a snapshot: lock files and what is not yet in place.
  static func isInFlight(_ name: Name, in position: Position) -> Bool {
    switch position {
    case .outside, .elsewhere: false
    case .root: rootLocks.contains(name)
    case .references: name.hasSuffix(".lock")
    case .objects: name.hasPrefix("incoming-") || name.hasPrefix("tmp_objdir-")
    case .packs: name.hasPrefix("tmp_") || name.hasPrefix(".tmp-")
    case .looseObjects: name.hasPrefix("tmp_obj_")
    }
  }

  /// Whether `name` is a lock that git holds while it looks at refs and changes them. Whatever it saw must be so until then.
  static func isLock(_ name: Name, in position: Position) -> Bool {
    (position == .root || position == .references) && isInFlight(name, in: position) && !name.hasPrefix("gc.pid")
  }

  /// Whether `name` may be such a lock, wherever it is.
  static func mayBeLock(_ name: Name) -> Bool {
    name.hasSuffix(".lock")
  }

  private static let rootLocks: Set<Name> = [
    "HEAD.lock", "config.lock", "packed-refs.lock", "packed-refs.new", "shallow.lock", "gc.pid", "gc.pid.lock",
  ]
}

extension Name {
  /// Whether it begins with these bytes.
  fileprivate func hasPrefix(_ prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { bytes.starts(with: $0) }
  }

  /// Whether it ends with these bytes.
  fileprivate func hasSuffix(_ suffix: StaticString) -> Bool {
    suffix.withUTF8Buffer { bytes.suffix($0.count).elementsEqual($0) }
  }
}
