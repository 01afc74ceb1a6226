import CInterposed
import Glibc
import Synchronization
import SystemPackage

/// Records the calls by which this process makes the files in one folder durable and gives them names, in their order.
///
/// Thread-safe. Recorders of different folders do not disturb each other.
final class FileCallRecorder: Sendable {
  private let folder: String
  private let fault: @Sendable (FileCall) -> Errno?
  private let recorded = Mutex<[FileCall]>([])

  private static let active = Mutex<[FileCallRecorder]>([])

  private init(_ folder: FilePath, fault: @escaping @Sendable (FileCall) -> Errno?) {
    self.folder = folder.string + "/"
    self.fault = fault
  }

  /// The calls that `body` makes in `folder`, which is absolute and no symbolic link. A call for which `fault` returns an
  /// error is recorded and not made.
  static func record(
    in folder: FilePath, fault: @escaping @Sendable (FileCall) -> Errno? = { _ in nil }, _ body: () async throws -> Void
  ) async rethrows -> [FileCall] {
    let recorder = FileCallRecorder(folder, fault: fault)
    active.withLock { $0.append(recorder) }
    defer { active.withLock { $0.removeAll { $0 === recorder } } }
    interposed_observe_calls { operation, path, target, byteCount in
      guard let path, let target else { return 0 }
      return FileCallRecorder.note(operation, String(cString: path), String(cString: target), byteCount)
    }
    try await body()
    return recorder.recorded.withLock { $0 }
  }

  private static func note(_ operation: interposed_operation, _ path: String, _ target: String, _ byteCount: Int)
    -> Int32
  {
    for recorder in active.withLock({ $0 }) {
      guard let path = recorder.relative(path), let call = recorder.call(operation, path, target, byteCount) else {
        continue
      }
      recorder.recorded.withLock { $0.append(call) }
      if let error = recorder.fault(call) { return error.rawValue }
    }
    return 0
  }

  private func call(_ operation: interposed_operation, _ path: String, _ target: String, _ byteCount: Int) -> FileCall?
  {
    switch operation {
    case interposed_fsync: byteCount < 0 ? .synchronizeFolder(path) : .synchronizeFile(path, byteCount: byteCount)
    case interposed_link: .link(path, to: relative(target) ?? target)
    case interposed_rename: .rename(path, to: relative(target) ?? target)
    default: nil
    }
  }

  /// `path` relative to the folder, without its random part. Nil for a path elsewhere; empty for the folder itself.
  private func relative(_ path: String) -> String? {
    guard (path + "/").hasPrefix(folder) else { return nil }
    let inside = path.dropFirst(folder.count)
    guard let mark = inside.firstRange(of: "-tmp-") else { return String(inside) }
    return inside[..<mark.lowerBound] + "-tmp"
  }
}
