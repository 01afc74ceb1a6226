import ResticCore

/// What names mean to whoever a tree is for: which are never in a snapshot, and which say that somebody is about to change what
/// is shown. It depends on the place of the directory that holds the name.
protocol NameRules: Sendable {
  /// Where a directory with these entries is whose own name alone would put it at `place`.
  func place(_ place: DirectoryPlace, hasEntry: (Name) -> Bool) -> DirectoryPlace
  /// Where the subdirectory `name` of a directory at `place` is.
  func place(of name: Name, in place: DirectoryPlace) -> DirectoryPlace
  /// Whether `name` stands for something unfinished, which never goes into a snapshot.
  func isInFlight(_ name: Name, isDirectory: Bool, in place: DirectoryPlace) -> Bool
  /// Whether `name` is a lock: whoever made it has looked at what is shown, and is about to change that.
  func isLock(_ name: Name, in place: DirectoryPlace) -> Bool
  /// Whether `name` may be such a lock, wherever it is.
  func mayBeLock(_ name: Name) -> Bool
  /// The names of which other names in the same directory decide what is shown: whoever knew one looks it up again when those change.
  var namesWithContext: [Name] { get }
  /// Whether there may be locks in a directory at `place`, or beneath.
  func mayHoldLocks(_ place: DirectoryPlace) -> Bool
}

/// Where a directory is, in the terms of the `NameRules`.
struct DirectoryPlace: RawRepresentable, Hashable, Sendable {
  /// What it means is the rules' affair.
  let rawValue: UInt8

  /// A place that names mean nothing in. The root is there until its entries say otherwise.
  static let outside = DirectoryPlace(rawValue: 0)
}
