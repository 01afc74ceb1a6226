import Glibc
import Platform
import SystemPackage

/// The objects that the index of one git packfile names: the first eight bytes of each id, in order.
///
/// Eight bytes are enough: an accidental collision is as unlikely as a hardware fault. To make one on purpose takes
/// more work than to forge an index, for which no object is needed.
struct PackedObjects: Hashable, Sendable {
  /// A packfile with more objects is not recorded.
  static let countLimit = 1 << 20
  private static let magic = Array("rgfsobj1".utf8)
  private static let wordByteCount = 8
  /// A larger file of the client's is invalid.
  static let encodedByteLimit = magic.count + (countLimit + 1) * wordByteCount

  /// The first eight bytes of each id, big endian, in order.
  let prefixes: [UInt64]

  init(prefixes: [UInt64]) {
    self.prefixes = prefixes
  }

  /// Returns the objects that are not in `others`.
  func subtracting(_ others: PackedObjects) -> PackedObjects {
    var position = 0
    let others = others.prefixes
    return PackedObjects(
      prefixes: prefixes.filter { prefix in
        while position < others.count, others[position] < prefix { position += 1 }
        return position == others.count || others[position] != prefix
      })
  }
}

// MARK: - git's index of a packfile

extension PackedObjects {
  private static let indexMagic: UInt32 = 0xFF74_4F63
  private static let fanoutCount = 256
  /// The offset of the ids: after magic, version and the number of objects up to each first byte.
  private static let namesOffset = 8 + 4 * fanoutCount

  /// Reads the index file at `path`, whose ids have `idByteCount` bytes. Nil if the file cannot be read, is not of
  /// version 2, names too many objects, or does not list them in the order in which git looks them up. Source:
  /// gitformat-pack(5).
  init?(indexAt path: FilePath, idByteCount: Int) {
    guard idByteCount == 20 || idByteCount == 32,
      // A file that cannot be read, for whatever reason, counts as unknown.
      let descriptor = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
    else { return nil }
    defer { descriptor.closeQuietly() }
    var attributes = stat()
    guard fstat(descriptor.rawValue, &attributes) == 0,
      let head = Self.bytes(Self.namesOffset, of: descriptor, at: 0),
      Self.number(head, at: 0) == Self.indexMagic, Self.number(head, at: 4) == 2
    else { return nil }
    let fanout = (0..<Self.fanoutCount).map { Int(Self.number(head, at: 8 + 4 * $0)) }
    let count = fanout[Self.fanoutCount - 1]
    // Each object also has a checksum and an offset, and the file ends with two checksums.
    guard count <= Self.countLimit, zip(fanout, fanout.dropFirst()).allSatisfy({ $0 <= $1 }),
      Int(attributes.st_size) >= Self.namesOffset + count * (idByteCount + 8) + 2 * idByteCount,
      let names = Self.bytes(count * idByteCount, of: descriptor, at: Self.namesOffset),
      let prefixes = Self.prefixes(of: names, idByteCount, fanout)
    else { return nil }
    self.prefixes = prefixes
  }

  /// The first eight bytes of the ids in `names`; nil unless they are in order and match `fanout`.
  private static func prefixes(of names: [UInt8], _ idByteCount: Int, _ fanout: [Int]) -> [UInt64]? {
    var prefixes: [UInt64] = []
    prefixes.reserveCapacity(names.count / idByteCount)
    let isSound = names.withUnsafeBytes { names in
      for index in 0..<(names.count / idByteCount) {
        let offset = index * idByteCount
        let first = Int(names[offset])
        guard index < fanout[first], first == 0 || index >= fanout[first - 1] else { return false }
        if index > 0, let base = names.baseAddress,
          memcmp(base + offset - idByteCount, base + offset, idByteCount) >= 0
        {
          return false
        }
        prefixes.append(UInt64(bigEndian: names.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      }
      return true
    }
    return isSound ? prefixes : nil
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    bytes.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
  }

  private static func bytes(_ count: Int, of descriptor: FileDescriptor, at offset: Int) -> [UInt8]? {
    var position = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      while position < count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[position...])
        // A file that cannot be read, for whatever reason, counts as unknown.
        guard let length = try? descriptor.read(fromAbsoluteOffset: Int64(offset + position), into: rest), length > 0
        else { break }
        position += length
      }
      initializedCount = position
    }
    return position == count ? bytes : nil
  }
}

// MARK: - A file of the client's

extension PackedObjects {
  /// The content of the client's file: `rgfsobj1` ‖ the first bytes of the ids ‖ a checksum, eight bytes each.
  var encoded: [UInt8] {
    var bytes = Self.magic
    bytes.reserveCapacity(Self.magic.count + (prefixes.count + 1) * Self.wordByteCount)
    for word in prefixes + [Self.checksum(prefixes)] { withUnsafeBytes(of: word.bigEndian) { bytes += $0 } }
    return bytes
  }

  /// Decodes the client's file; nil unless it is complete.
  init?(decoding bytes: [UInt8]) {
    let rest = bytes.count - Self.magic.count
    guard bytes.starts(with: Self.magic), rest >= Self.wordByteCount, rest % Self.wordByteCount == 0 else { return nil }
    var words = bytes.withUnsafeBytes { bytes in
      stride(from: Self.magic.count, to: bytes.count, by: Self.wordByteCount).map {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self))
      }
    }
    let checksum = words.removeLast()
    guard Self.checksum(words) == checksum else { return nil }
    prefixes = words
  }

  /// FNV-1a by words. It detects a file that a crash of the machine left half written.
  private static func checksum(_ words: [UInt64]) -> UInt64 {
    words.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01B3 }
  }
}
