import ResticCore

/// The attributes of an inode that a program sets; nil is "leave as it is".
struct AttributeChanges: Hashable, Sendable {
  /// New permission bits; type bits are ignored.
  var mode: UInt32?
  /// New owner: both numbers, also where only one is new.
  var owner: NamedOwner?
  /// New size.
  var byteCount: UInt64?
  /// New access time.
  var accessTime: Timestamp?
  /// New modification time.
  var modificationTime: Timestamp?
  /// New change time; nil is the time of the change.
  var changeTime: Timestamp?
}
