import ResticCore

/// The attributes that a program sets on an inode; nil leaves an attribute as it is.
struct AttributeChanges: Hashable, Sendable {
  /// New permission bits; type bits are ignored.
  var mode: UInt32?
  /// New owner: both numbers, even if only one is new.
  var owner: NamedOwner?
  /// New size.
  var byteCount: UInt64?
  /// New access time.
  var accessTime: Timestamp?
  /// New modification time.
  var modificationTime: Timestamp?
  /// New change time; nil: the time of the change.
  var changeTime: Timestamp?
}
