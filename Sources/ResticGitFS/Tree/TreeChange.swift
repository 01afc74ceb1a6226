import ResticCore

/// One change of a tree, as a value. Together with its time it can be applied again, as long as the bytes of a
/// `borrowed` write are valid.
///
/// `Namespace.apply` makes all changes: for the kernel's requests, for the model tests, and for the first tree of a new
/// repository.
enum TreeChange: Sendable {
  /// Creates an inode with one name.
  indirect case create(NewInode, as: Name, in: InodeNumber)
  /// Adds a name to an inode that is not a directory.
  case link(InodeNumber, as: Name, in: InodeNumber)
  /// Removes a name that is not a directory's.
  case unlink(Name, in: InodeNumber)
  /// Removes an empty directory.
  case removeDirectory(Name, in: InodeNumber)
  /// Moves a name, as rename(2) and renameat2(2) do.
  case rename(Name, in: InodeNumber, to: Name, newDirectory: InodeNumber, RenameMode)
  /// Writes bytes at an offset.
  case write(WrittenBytes, to: InodeNumber, offset: UInt64)
  /// Allocates a range of a file, as fallocate(2) does: `zeroes` turns the range into a hole, `extends` makes the file
  /// reach the range's end.
  case allocate(Range<UInt64>, of: InodeNumber, zeroes: Bool, extends: Bool)
  /// Sets attributes.
  indirect case setAttributes(AttributeChanges, of: InodeNumber)
  /// Sets an extended attribute.
  case setExtendedAttribute(Name, of: InodeNumber, to: [UInt8], ExtendedAttributeMode)
  /// Removes an extended attribute.
  case removeExtendedAttribute(Name, of: InodeNumber)

  /// What happens to an existing target of a rename.
  enum RenameMode: Hashable, Sendable {
    /// It is replaced.
    case replace
    /// It stays, and the move is refused.
    case refuse
    /// Both change places.
    case exchange
  }

  /// Whether an extended attribute may, or must, exist before it is set.
  enum ExtendedAttributeMode: Hashable, Sendable {
    /// It may exist.
    case set
    /// It must not exist.
    case create
    /// It must exist.
    case replace
  }

  /// The bytes of a write.
  enum WrittenBytes: Sendable {
    /// Memory of another owner, which stays valid until the change is applied.
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

  /// Memory that is read only while the change that holds it is applied.
  struct BorrowedBytes: @unchecked Sendable {
    /// The memory.
    let pointer: UnsafeRawBufferPointer
  }
}
