import Glibc
import SystemPackage

/// The file of a `CacheRecord`: a header, and frames that are only appended.
///
///     a line with the version (`Entry.recordHeader`) ‖ frame…
///     frame = length, 4 bytes, little endian ‖ sealed zstd frame of a group (`Entry.encode`)
///
/// Frames are sealed with a key of the record's own, which is derived from the repository's: without the repository's
/// password, nobody can read or add frames. Writers hold the file's lock (flock); nobody waits for that lock.
///
/// All calls block.
struct CacheRecordFile<Entry: CacheRecordEntry>: Sendable {
  /// How far a reader has read.
  struct Position: Hashable, Sendable {
    fileprivate var device: dev_t = 0
    fileprivate var inode: ino_t = 0
    fileprivate var offset = 0
    /// How many frames are before the position.
    fileprivate(set) var frameCount = 0
    /// How many entries those frames have.
    fileprivate(set) var entryCount = 0
    /// Whether the rest of the file is unreadable: the file has to be rewritten.
    fileprivate(set) var isDamaged = false

    /// The position before the beginning, for a file that may not exist yet.
    init() {}

    fileprivate init(_ status: Glibc.stat) {
      (device, inode) = (status.st_dev, status.st_ino)
    }

    fileprivate func isIn(_ status: Glibc.stat) -> Bool { device == status.st_dev && inode == status.st_ino }
  }

  /// The result of adding.
  enum Addition: Sendable {
    case added
    /// The file does not exist, or has to be rewritten.
    case missing
    /// Another process is writing to the file, or the file is full: it is left alone.
    case refused
  }

  /// The file's name in the repository's folder of the cache.
  static var name: String { Entry.recordName }
  private static var header: [UInt8] { Array(Entry.recordHeader.utf8) }
  /// A larger file is not read, and no file grows beyond this.
  private static var byteLimit: Int { 64 << 20 }
  private static var lengthByteCount: Int { 4 }
  private static var frameByteLimit: Int { Zstd.worstCase(of: Entry.groupByteLimit) + MasterKey.overhead }

  private let key: MasterKey

  /// The record of the repository that `masterKey` opens.
  init(masterKey: MasterKey) {
    key = masterKey.derived(for: Entry.recordPurpose)
  }

  /// The content of the file after `position`, which moves to the end; of a different file than before, all content.
  func read(
    in folder: borrowing OwnFolder, from position: inout Position
  ) throws(Errno) -> [Entry] {
    var next = position
    var found: [Entry] = []
    let exists = try folder.withFile(Self.name) { descriptor, _ throws(Errno) in
      let isLocked = flock(descriptor, LOCK_SH | LOCK_NB) == 0
      let status = try SystemCall.status(descriptor)
      if !next.isIn(status) || Int(status.st_size) < next.offset { next = Position(status) }
      try readFrames(descriptor, upTo: Int(status.st_size), from: &next, into: &found)
      // Another process may be writing the last frame at this moment.
      if !isLocked { next.isDamaged = false }
      return true
    }
    position = exists == nil ? Position() : next
    return found
  }

  /// Adds `entries` to the file that `position` is in.
  func append(
    _ entries: [Entry], in folder: borrowing OwnFolder, at position: inout Position
  ) throws(Errno) -> Addition {
    guard !position.isDamaged else { return .missing }
    let frames = Entry.encode(entries).map(frame)
    let bytes = frames.flatMap(\.self)
    var next = position
    let addition = try folder.withFile(Self.name, O_RDWR | O_APPEND) { descriptor, _ throws(Errno) -> Addition in
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return .refused }
      let status = try SystemCall.status(descriptor)
      let byteCount = Int(status.st_size)
      // If it is another file than the one that was read, it is sound, or the next reader finds out that it is not.
      guard next.isIn(status), byteCount >= next.offset else { return .refused }
      guard byteCount + bytes.count <= Self.byteLimit else { return .refused }
      do throws(Errno) {
        try bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in try SystemCall.writeAll(descriptor, bytes) }
      } catch {
        // Nothing after half a frame would ever be read.
        ftruncate(descriptor, off_t(byteCount))
        throw error
      }
      // Frames that others added before this one are read the next time, together with this one.
      guard byteCount == next.offset else { return .added }
      next.offset += bytes.count
      next.frameCount += frames.count
      next.entryCount += entries.count
      return .added
    }
    position = next
    return addition ?? .missing
  }

  /// Replaces the file by one with only `entries`.
  func replace(
    with entries: [Entry], in folder: borrowing OwnFolder, at position: inout Position
  ) throws(Errno) {
    let frames = Entry.encode(entries).map(frame)
    let bytes = Self.header + frames.flatMap(\.self)
    guard bytes.count <= Self.byteLimit else { return }
    try bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in try folder.save(Self.name, bytes) }
    let status = try folder.withFile(Self.name) { descriptor, _ throws(Errno) in try SystemCall.status(descriptor) }
    guard let status else { return }
    position = Position(status)
    position.offset = bytes.count
    position.frameCount = frames.count
    position.entryCount = entries.count
  }

  // MARK: Frames

  private func frame(_ group: [UInt8]) -> [UInt8] {
    let sealed = key.seal(Zstd.compress(group, mode: .auto))
    return withUnsafeBytes(of: UInt32(sealed.count).littleEndian) { Array($0) } + sealed
  }

  /// Reads the frames from `position` up to `end`, or up to the first that is not a frame.
  private func readFrames(
    _ descriptor: Int32, upTo end: Int, from position: inout Position, into found: inout [Entry]
  ) throws(Errno) {
    guard end <= Self.byteLimit else {
      position.isDamaged = true
      return
    }
    if position.offset == 0 {
      guard try bytes(Self.header.count, descriptor, at: 0) == Self.header else {
        position.isDamaged = true
        return
      }
      position.offset = Self.header.count
    }
    while position.offset < end {
      guard let length = try bytes(Self.lengthByteCount, descriptor, at: position.offset) else { break }
      let byteCount = length.reversed().reduce(0) { $0 << 8 | Int($1) }
      guard byteCount <= Self.frameByteLimit,
        let sealed = try bytes(byteCount, descriptor, at: position.offset + Self.lengthByteCount),
        let entries = open(sealed)
      else { break }
      found += entries
      position.offset += Self.lengthByteCount + byteCount
      position.frameCount += 1
      position.entryCount += entries.count
    }
    position.isDamaged = position.offset < end
  }

  /// The entries of a sealed frame; nil if nobody with the key has written it.
  private func open(_ sealed: [UInt8]) -> [Entry]? {
    do {
      let compressed = try key.open(sealed)
      let group = try compressed.withUnsafeBytes { try Zstd.decompress($0, limit: Entry.groupByteLimit) }
      return try Entry.decode(group)
    } catch {
      // Whatever is wrong: the snapshots are read from the storage instead.
      return nil
    }
  }

  private func bytes(_ count: Int, _ descriptor: Int32, at offset: Int) throws(Errno) -> [UInt8]? {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(Errno) {
        initializedCount = try SystemCall.read(descriptor, into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes.count == count ? bytes : nil
  }
}
