import ResticCore
import Synchronization

/// Collects broken promises from any number of tasks.
final class ConformanceReport: Sendable {
  private let sentences = Mutex<[String]>([])

  var violations: [String] { sentences.withLock { $0 } }

  func violate(_ sentence: String) {
    sentences.withLock { $0.append(sentence) }
  }

  /// `body` must not throw.
  func expect(_ promise: String, _ body: () async throws -> Void) async {
    do {
      try await body()
    } catch {
      violate("\(promise): threw \(error)")
    }
  }

  /// `body` must return `expected`.
  func expect<Value: Equatable>(_ promise: String, _ expected: Value, _ body: () async throws -> Value) async {
    do {
      let value = try await body()
      if value != expected { violate("\(promise): got \(Self.short(value)) instead of \(Self.short(expected))") }
    } catch {
      violate("\(promise): threw \(error)")
    }
  }

  /// `body` must throw `expected`.
  func expect(_ promise: String, _ expected: BackendError, _ body: () async throws -> Void) async {
    do {
      try await body()
      violate("\(promise): succeeded instead of \(expected)")
    } catch let error as BackendError where error == expected {
      return
    } catch {
      violate("\(promise): threw \(error) instead of \(expected)")
    }
  }

  private static func short(_ value: some Any) -> String {
    String(String(describing: value).prefix(200))
  }
}
