import ResticCore

/// One change of a tree, as a value. With the time at which it was applied it can be applied again, as long as the bytes of a
/// `borrowed` write are valid.
///
/// `Namespace.apply` is the only door for changes: the kernel's requests, the model tests and whoever makes a tree of a new
/// repository go through it.
enum TreeChange: Sendable {
  /// Makes an inode with one name.
  indirect case create(NewInode, as: Name, in: InodeNumber)
  /// Makes one more name for an inode that isn't a directory.
  case link(InodeNumber, as: Name, in: InodeNumber)
  /// Removes a name that isn't a directory's.
  case unlink(Name, in: InodeNumber)
  /// Removes an empty directory.
  case removeDirectory(Name, in: InodeNumber)
  /// Moves a name, as rename(2) and renameat2(2) do.
  case rename(Name, in: InodeNumber, to: Name, newDirectory: InodeNumber, RenameMode)
  /// Writes bytes at an offset.
  case write(WrittenBytes, to: InodeNumber, offset: UInt64)
  /// Makes room in a file, as fallocate(2) does: `zeroes` turns what there is in the range into a hole, `extends` makes the file
  /// reach to the range's end.
  case allocate(Range<UInt64>, of: InodeNumber, zeroes: Bool, extends: Bool)
  /// Sets attributes.
  indirect case setAttributes(AttributeChanges, of: InodeNumber)
  /// Sets an extended attribute.
  case setExtendedAttribute(Name, of: InodeNumber, to: [UInt8], ExtendedAttributeMode)
  /// Removes an extended attribute.
  case removeExtendedAttribute(Name, of: InodeNumber)

  /// What becomes of a name that is there where another one is moved to.
  enum RenameMode: Hashable, Sendable {
    /// It is replaced.
    case replace
    /// It stays, and the move is refused.
    case refuse
    /// Both change places.
    case exchange
  }

  /// Whether an extended attribute that is set may, or must, be there.
  enum ExtendedAttributeMode: Hashable, Sendable {
    /// It may.
    case set
    /// It must not.
    case create
    /// It must.
    case replace
  }

  /// The bytes of a write.
  enum WrittenBytes: Sendable {
    /// Somebody else's memory, which stays valid until the change is applied.
    case borrowed(BorrowedBytes)
    /// A buffer that the file may keep.
    case buffer(WriteBuffer)

    /// How many bytes there are.
    var count: Int {
      switch self {
      case .borrowed(let bytes): bytes.pointer.count
      case .buffer(let buffer): buffer.byteCount
      }
    }
  }

  /// Memory that is only looked at while the change that holds it is applied.
  struct BorrowedBytes: @unchecked Sendable {
    /// The memory.
    let pointer: UnsafeRawBufferPointer
  }
}
