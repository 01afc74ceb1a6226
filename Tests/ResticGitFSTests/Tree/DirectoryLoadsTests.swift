import Dispatch
import Platform
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Threads that need a directory at the same time", .timeLimit(.minutes(30)))
struct DirectoryLoadsTests {
  private static let count = 8
  private static let directory: InodeNumber = Namespace.root + 1
  private static let loaded = Tree(nodes: [Node(name: "a", type: .file, mode: 0o644)])

  /// Loads nothing before the test allows it. The results are those of the calls, in order; the last one is that of all
  /// later calls.
  private final class HeldSource: TreeSource {
    let calls = Locked(0)
    let mayGoOn = DispatchSemaphore(value: 0)
    private let results: [Result<Tree, TreeSourceError>]

    init(_ results: [Result<Tree, TreeSourceError>]) { self.results = results }

    func tree(_ id: BlobID?, of inode: InodeNumber, for operation: StaticString) throws(TreeSourceError) -> Tree {
      let number = calls.withLock { calls in
        calls += 1
        return calls
      }
      mayGoOn.wait()
      mayGoOn.signal()
      return try results[min(number, results.count) - 1].get()
    }

    func extents(
      of node: Node, _ inode: InodeNumber, for operation: StaticString
    ) throws(TreeSourceError) -> ExtentMap {
      throw TreeSourceError(errno: .notSupported, isDamage: false)
    }
  }

  /// Has eight threads look into a directory that is not loaded, and returns what they found and how often it was
  /// loaded.
  private static func look(
    _ results: Result<Tree, TreeSourceError>...
  ) async throws -> (found: [Result<Int, Errno>], calls: Int) {
    let source = HeldSource(results)
    let node = Node(name: "d", type: .dir, mode: 0o755, subtree: BlobID(hex: String(repeating: "ab", count: 32)))
    let namespace = Namespace(
      root: Node(name: Name([]), type: .dir, mode: 0), tree: Tree(nodes: [node]), deviceID: 77, rules: GitNameRules())
    let tree = WorkingTree(namespace, source: source)
    let found = Locked<[Result<Int, Errno>]>([])
    let (asked, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    return try await withTimeLimit(.seconds(120)) {
      try await withCheckedThrowingContinuation { continuation in
        do throws(Errno) {
          try PlainThread.start {
            for _ in 0..<count {
              // Threads are there while a test runs.
              try? PlainThread.start {
                let isAsking = Locked(true)
                let result: Result<Int, Errno>
                do throws(Errno) {
                  result = .success(
                    try tree.read("lookup") { namespace throws(NamespaceError) in
                      // The first try needs the directory.
                      if isAsking.withLock({ isAsking in
                        defer { isAsking = false }
                        return isAsking
                      }) {
                        asked.signal()
                      }
                      return try namespace.children(of: directory).count
                    })
                } catch {
                  result = .failure(error)
                }
                found.withLock { $0.append(result) }
                done.signal()
              }
            }
            for _ in 0..<count { asked.wait() }
            source.mayGoOn.signal()
            for _ in 0..<count { done.wait() }
            continuation.resume(returning: (found.withLock { $0 }, source.calls.withLock { $0 }))
          }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  @Test("the directory is loaded once, and all of them see its entries")
  func once() async throws {
    let (found, calls) = try await Self.look(.success(Self.loaded))
    #expect(found == Array(repeating: .success(1), count: Self.count))
    #expect(calls == 1)
  }

  // P2 A program that waits for the storage dies when it is killed; it takes no other program with it.
  @Test("if the program whose lookup began the load is killed, another thread loads the directory")
  func interrupted() async throws {
    let (found, calls) = try await Self.look(
      .failure(TreeSourceError(errno: .interrupted, isDamage: false)), .success(Self.loaded))
    #expect(found.filter { $0 == .success(1) }.count == Self.count - 1)
    #expect(found.filter { $0 == .failure(.interrupted) }.count == 1)
    #expect(calls == 2)
  }

  // R4 A directory whose tree cannot be read is EIO.
  @Test("those who wait get the error of the load")
  func failing() async throws {
    let (found, calls) = try await Self.look(.failure(TreeSourceError(errno: .ioError, isDamage: true)))
    #expect(found == Array(repeating: .failure(.ioError), count: Self.count))
    #expect((1...Self.count).contains(calls))
  }
}
