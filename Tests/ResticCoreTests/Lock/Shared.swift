import ResticCore

/// Guarded state that several owners share.
final class Shared<Value: Sendable>: Sendable {
  let value: Locked<Value>

  init(_ value: Value) {
    self.value = Locked(value)
  }
}
