import Glibc
import SystemPackage

/// Saving and making folders; runs on the executor's threads.
extension LocalBackend {
  /// Permission bits of new files and folders.
  private struct Modes {
    let file: mode_t
    let folder: mode_t

    static let owner = Modes(file: 0o400, folder: 0o700)
    static let group = Modes(file: 0o440, folder: 0o770)
  }

  /// From this size on, a file is a pack of stored data, which is rarely read again soon.
  private static let largeByteCount = 4 << 20

  /// Saves `bytes` as `file`: temporary file, fsync, rename, fsync of the folder.
  func saveNow(_ file: BackendFile, _ bytes: PooledBytes) throws(BackendError) {
    let modes = modes()
    let temporary = paths.temporaryPath(for: file)
    let descriptor = try openNew(temporary, for: file, modes)
    var isNew = true
    do throws(Errno) {
      try Self.fill(descriptor, with: bytes, mode: modes.file)
      try SystemCall.renameWithoutReplacing(temporary, to: paths.path(of: file))
    } catch {
      // The first error is the one to report; a temporary file that stays is invisible.
      try? SystemCall.unlink(temporary)
      guard error == .fileExists else { throw failure(error, at: temporary, "save") }
      try compareExisting(file, with: bytes)
      isNew = false
    }
    do throws(BackendError) {
      try synchronizeFolder(paths.folder(of: file))
    } catch {
      // A file that a power cut may take away must not look saved. The first error is the one to report.
      if isNew { try? SystemCall.unlink(paths.path(of: file)) }
      throw error
    }
  }

  /// Makes the folders of a repository, and those above it.
  func createFolders() throws(BackendError) {
    let modes = modes()
    var missing: [FilePath] = []
    var path = paths.root
    while !SystemCall.isThere(path), !path.components.isEmpty {
      missing.append(path)
      path = path.removingLastComponent()
    }
    for folder in missing.reversed() {
      if try makeFolder(folder, modes) { try synchronizeFolder(folder.removingLastComponent()) }
    }
    var changed: [FilePath] = []
    for folder in paths.folders where try makeFolder(folder, modes) {
      let parent = folder.removingLastComponent()
      if changed.last != parent { changed.append(parent) }
    }
    for folder in changed {
      try synchronizeFolder(folder)
    }
  }

  /// A new, empty file at `path`, open for writing. Makes a missing folder first, but only in an existing repository: a
  /// file for a disk that is not mounted must not end up below its mountpoint.
  private func openNew(_ path: FilePath, for file: BackendFile, _ modes: Modes) throws(BackendError) -> Int32 {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    do throws(Errno) {
      return try SystemCall.open(path, flags, mode: 0o600)
    } catch {
      guard error == .noSuchFileOrDirectory, rootExists() else { throw failure(error, at: path, "create") }
    }
    let typeFolder = paths.root.appending(file.type.rawValue)
    guard SystemCall.isThere(typeFolder) || SystemCall.isThere(paths.path(of: .config)) else {
      throw .missing("\(paths.root.string) holds no restic repository (is its disk mounted?)")
    }
    for folder in [typeFolder, paths.folder(of: file)] where try makeFolder(folder, modes) {
      try synchronizeFolder(folder.removingLastComponent())
    }
    do throws(Errno) {
      return try SystemCall.open(path, flags, mode: 0o600)
    } catch {
      throw failure(error, at: path, "create")
    }
  }

  /// Writes all of `bytes`, makes them durable and closes `descriptor`, also after a failure.
  private static func fill(_ descriptor: Int32, with bytes: PooledBytes, mode: mode_t) throws(Errno) {
    do throws(Errno) {
      try bytes.withUnsafeBytes { buffer throws(Errno) in
        if buffer.count >= largeByteCount {
          try SystemCall.writeAllPastCache(descriptor, buffer)
        } else {
          try SystemCall.writeAll(descriptor, buffer)
        }
      }
      do throws(Errno) {
        try SystemCall.setMode(descriptor, mode)
      } catch .notPermitted, .notSupported {
        // exFAT and some network file systems have no modes; restic ignores that too.
      }
      try SystemCall.synchronize(descriptor)
    } catch {
      // The first error is the one to report.
      try? SystemCall.close(descriptor)
      throw error
    }
    try SystemCall.close(descriptor)
  }

  /// Throws `.alreadyExists` unless the stored `file` is exactly `bytes`, and makes the file durable: its writer may
  /// have died before it was.
  private func compareExisting(_ file: BackendFile, with bytes: PooledBytes) throws(BackendError) {
    try withOpenFile(file) { descriptor, byteCount throws(BackendError) in
      guard byteCount == bytes.byteCount else { throw .alreadyExists(file) }
      do throws(Errno) {
        guard try bytes.withUnsafeBytes({ expected throws(Errno) in try Self.holds(expected, descriptor) }) else {
          throw Self.otherContent
        }
        try SystemCall.synchronize(descriptor)
      } catch {
        throw error == Self.otherContent ? .alreadyExists(file) : failure(error, on: file, "compare")
      }
    }
  }

  /// Stands for a file with other content; no system call used here returns it.
  private static var otherContent: Errno { .noData }

  /// Whether the open file begins with `expected`. Reads it piece by piece.
  private static func holds(_ expected: UnsafeRawBufferPointer, _ descriptor: Int32) throws(Errno) -> Bool {
    let piece = PooledBytes(capacity: min(expected.count, comparedByteCount))
    var position = 0
    while position < expected.count {
      let wanted = UnsafeRawBufferPointer(rebasing: expected[position...].prefix(comparedByteCount))
      var failure: Errno?
      piece.overwrite { memory in
        do throws(Errno) {
          let target = UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted.count])
          return try SystemCall.read(descriptor, into: target, at: position)
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      guard piece.withUnsafeBytes({ $0.isEqual(to: wanted) }) else { return false }
      position += wanted.count
    }
    return true
  }

  /// How many bytes are compared at a time.
  private static let comparedByteCount = 1 << 20

  private func makeFolder(_ folder: FilePath, _ modes: Modes) throws(BackendError) -> Bool {
    do throws(Errno) {
      return try SystemCall.makeDirectory(folder, mode: modes.folder)
    } catch {
      throw failure(error, at: folder, "mkdir")
    }
  }

  private func synchronizeFolder(_ folder: FilePath) throws(BackendError) {
    do throws(Errno) {
      try SystemCall.synchronizeDirectory(folder)
    } catch {
      throw failure(error, at: folder, "fsync")
    }
  }

  /// The modes that restic would choose: also for the group if the config file is readable by it.
  private func modes() -> Modes {
    do throws(Errno) {
      let status = try SystemCall.linkStatus(paths.path(of: .config))
      return SystemCall.irregularKind(status) == nil && status.st_mode & S_IRGRP != 0 ? .group : .owner
    } catch {
      return .owner  // There is no config yet, or this user may not read it.
    }
  }
}
