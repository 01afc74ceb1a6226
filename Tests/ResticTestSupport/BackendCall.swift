public import ResticCore

/// One call of a backend, as `FaultBackend` saw it.
public struct BackendCall: Hashable, Sendable, CustomStringConvertible {
  /// The method.
  public enum Operation: String, Hashable, Sendable, CaseIterable {
    case create
    case save
    case load
    case byteCount
    case list
    case remove
    case capacity
  }

  /// The method.
  public let operation: Operation
  /// The file it is about; nil for create, list and capacity.
  public let file: BackendFile?
  /// The type of file it is about; nil for create and capacity.
  public let type: BackendFileType?
  /// Which call this is, counted from 1.
  public let number: Int

  /// Whether the call can change stored files.
  public var isWrite: Bool {
    switch operation {
    case .create, .save, .remove: true
    case .load, .byteCount, .list, .capacity: false
    }
  }

  /// `#3 save index/1a2b…`.
  public var description: String {
    "#\(number) \(operation.rawValue) \(file?.description ?? type?.rawValue ?? "")"
  }
}
