import ResticCore

/// The meaning of names for the user of a tree: which names are never in a snapshot, and which show that a program is
/// about to change what it has read. It depends on the place of the directory that holds the name.
protocol NameRules: Sendable {
  /// The place of a directory with these entries, whose own name alone would put it at `place`.
  func place(_ place: DirectoryPlace, hasEntry: (Name) -> Bool) -> DirectoryPlace
  /// The place of the subdirectory `name` in a directory at `place`.
  func place(of name: Name, in place: DirectoryPlace) -> DirectoryPlace
  /// Whether `name` is an unfinished file, which never goes into a snapshot.
  func isInFlight(_ name: Name, isDirectory: Bool, in place: DirectoryPlace) -> Bool
  /// Whether `name` is a lock: its creator has read what is shown, and is about to change that.
  func isLock(_ name: Name, in place: DirectoryPlace) -> Bool
  /// Whether `name` may be such a lock, wherever it is.
  func mayBeLock(_ name: Name) -> Bool
  /// Names whose content depends on other names in the same directory: when those change, such a name has to be looked
  /// up again.
  var namesWithContext: [Name] { get }
  /// Whether a directory at `place`, or one beneath it, may hold locks.
  func mayHoldLocks(_ place: DirectoryPlace) -> Bool
}

/// The place of a directory, in terms of the `NameRules`.
struct DirectoryPlace: RawRepresentable, Hashable, Sendable {
  /// The rules define its meaning.
  let rawValue: UInt8

  /// A place where names have no meaning. The root has it until its entries say otherwise.
  static let outside = DirectoryPlace(rawValue: 0)
}
