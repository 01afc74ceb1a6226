/// The SHA-256 that names a file or blob of a repository; `Kind` prevents that a pack's name is passed as a blob's.
///
/// Layout: 32 bytes held as four big-endian words, so `<` orders ids as their bytes and their hex form. Equality is not
/// constant time: ids are public (they are file names on the storage).
public struct ID<Kind>: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The bytes of an id.
  public static var byteCount: Int { 32 }

  /// The id as four numbers, most significant first, which the codecs of this folder read and write directly.
  let words: (UInt64, UInt64, UInt64, UInt64)

  init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// The id stored at `bytes`, which holds exactly 32 bytes.
  public init(bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count == Self.byteCount, "an id has 32 bytes")
    func word(_ index: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
    words = (word(0), word(1), word(2), word(3))
  }

  /// The id stored in `bytes`, or nil if that isn't 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self = bytes.withUnsafeBytes { ID(bytes: $0) }
  }

  /// The id that `hex` spells: 64 lower-case digits, as restic writes them; nil for anything else.
  public init?(hex: some StringProtocol) {
    self.init(hexDigits: Array(hex.utf8))
  }

  /// The id that 64 lower-case hex digits in ASCII spell; nil for anything else.
  public init?(hexDigits: [UInt8]) {
    self.init(hexDigits: hexDigits[...])
  }

  /// The id that 64 lower-case hex digits in ASCII spell; nil for anything else.
  public init?(hexDigits: ArraySlice<UInt8>) {
    guard hexDigits.count == Self.byteCount * 2 else { return nil }
    func word(_ index: Int) -> UInt64? {
      var value: UInt64 = 0
      let start = hexDigits.startIndex + index * 16
      for digit in hexDigits[start..<start + 16] {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
        default: return nil
        }
      }
      return value
    }
    guard let first = word(0), let second = word(1), let third = word(2), let fourth = word(3) else { return nil }
    words = (first, second, third, fourth)
  }

  /// The 32 bytes.
  public var bytes: [UInt8] {
    withUnsafeBytes(of: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)) { Array($0) }
  }

  /// 64 lower-case hex digits: the id as file name and as restic prints it.
  public var hex: String {
    String(unsafeUninitializedCapacity: Self.byteCount * 2) { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      for (index, word) in [words.0, words.1, words.2, words.3].enumerated() {
        HexWord.write(word, to: start + 16 * index)
      }
      return Self.byteCount * 2
    }
  }

  /// The first 8 hex digits: restic's short form.
  public var short: String { String(hex.prefix(8)) }

  /// All 64 hex digits, as `hex`.
  public var description: String { hex }

  /// The first word, for hash tables: ids are already uniformly distributed.
  public var prefix: UInt64 { words.0 }

  /// Compares all 32 bytes, not in constant time.
  public static func == (left: ID, right: ID) -> Bool {
    left.words == right.words
  }

  /// Orders as the bytes do, and so as the hex digits do.
  public static func < (left: ID, right: ID) -> Bool {
    left.words < right.words
  }

  /// Hashes the first 16 bytes: they are as random as all 32, and cost half.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }
}

/// The kinds of object that an id can name. Never instantiated.
public enum IDKind {
  /// A blob: data or tree, named by the hash of its plaintext.
  public enum Blob {}
  /// A pack, named by the hash of its stored bytes.
  public enum Pack {}
  /// An index file.
  public enum Index {}
  /// A snapshot file.
  public enum Snapshot {}
  /// A key file.
  public enum Key {}
  /// A lock file.
  public enum Lock {}
}

/// Names a data blob or a tree blob.
public typealias BlobID = ID<IDKind.Blob>
/// Names a pack.
public typealias PackID = ID<IDKind.Pack>
/// Names an index file.
public typealias IndexID = ID<IDKind.Index>
/// Names a snapshot.
public typealias SnapshotID = ID<IDKind.Snapshot>
/// Names a key file.
public typealias KeyID = ID<IDKind.Key>
/// Names a lock file.
public typealias LockID = ID<IDKind.Lock>
