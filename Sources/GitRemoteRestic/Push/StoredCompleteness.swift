import Dispatch
import SystemPackage

/// Checks that the stored repository holds, by itself, everything that its references reach.
///
/// receive-pack checks only what is new, and assumes that the repository holds what its old references reach. The
/// repository may lack some of it: someone may have copied it without its alternates, or removed its packs. So this
/// type checks again, from what is pushed down to what is known to be complete (`CompletenessRecord`): what this client
/// has pushed, or checked in an earlier push. A client's first push walks over everything that the new values reach.
///
/// **A repack does not invalidate the record.** What was complete in the old packs is complete in the new ones if their
/// indexes name every object that the old indexes named (`KnownObjects`). It does not matter who repacked the
/// repository, or whether that client is honest.
///
/// As in git, an object is stored if the index of a pack names it, or if its loose file exists.
struct StoredCompleteness {
  /// The repository's mount.
  private let mount: PrivateMount
  /// For git commands on the mount.
  private let environment: ProcessEnvironment
  /// Where the record is; nil if it cannot be kept.
  private let record: CompletenessRecord.Place?
  /// Whether the repository was empty: then receive-pack has checked everything.
  private let isNew: Bool

  /// Checks the repository in `mount`. `key` identifies it among the client's stored repositories; `clientEnvironment`
  /// has the client's variables.
  init(
    mount: PrivateMount, key: [String], environment: ProcessEnvironment, clientEnvironment: ProcessEnvironment
  ) {
    self.mount = mount
    self.environment = environment.withoutSubstitutes
    record = clientEnvironment["GIT_DIR"].map { CompletenessRecord.Place(gitFolder: FilePath($0), key: key) }
    isNew = mount.state().map { $0.snapshot == nil } ?? false
  }

  /// Why `values`, objects that are stored, are not complete; nil if they are. Calls `progress` now and then.
  func reasonAgainst(_ values: [String], progress: () -> Void) throws(HelperError) -> String? {
    guard !isNew, !values.isEmpty else { return nil }
    let known = StoredPacks(in: mount.repositoryPath).map { tips(completeIn: $0) } ?? []
    var result = try walk(from: values, to: known, progress: progress)
    if !result.isSuccess, !known.isEmpty {
      // The record only saves work: a damaged one must not be the reason. If it was, the next push begins a new one.
      result = try walk(from: values, to: [], progress: progress)
      if result.isSuccess { record?.remove() }
    }
    guard !result.isSuccess else { return nil }
    let cause = result.errorOutput.split(separator: "\n").last.map { ": \($0)" } ?? ""
    return "the stored repository lacks objects that the references need\(cause); mount it, fetch them into it "
      + "or restore them, and see `git fsck` there"
  }

  /// Lets git look for everything that `values` reach and `known` do not.
  private func walk(
    from values: [String], to known: [String], progress: () -> Void
  ) throws(HelperError) -> GitCommand.Result {
    let input = values + known.map { "^\($0)" } + [""]
    let command = GitCommand(
      ServiceSettings.arguments + [
        // Both are files that describe other files, so they could be wrong.
        "-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false",
        "--git-dir", mount.repositoryPath.string, "rev-list", "--objects", "--quiet", "--stdin",
      ], environment: environment)
    return try Self.run(command, input: Array(input.joined(separator: "\n").utf8), progress: progress)
  }

  /// Records that `values` are complete, after a push that was saved.
  func remember(_ values: [String]) {
    guard let record, let packs = StoredPacks(in: mount.repositoryPath) else { return }
    let known = tips(completeIn: packs)
    guard let first = (values + known).first else { return }
    record.save(CompletenessRecord(tips: values + known, packs: packs))
    record.objects.keep(packs, at: mount.repositoryPath, idByteCount: first.utf8.count / 2)
  }

  /// The objects that are known to be complete in a repository with `packs`.
  private func tips(completeIn packs: StoredPacks) -> [String] {
    guard let record, let known = record.load(), let first = known.tips.first else { return [] }
    let isComplete =
      known.isValid(for: packs)
      || record.objects.areAll(
        of: known.packs, in: packs, at: mount.repositoryPath, idByteCount: first.utf8.count / 2)
    return isComplete ? known.tips : []
  }

  private static func run(
    _ command: GitCommand, input: [UInt8], progress: () -> Void
  ) throws(HelperError) -> GitCommand.Result {
    let done = DispatchSemaphore(value: 0)
    let outcome = OutcomeBox()
    DispatchQueue(label: "completeness").async {
      do throws(HelperError) {
        outcome.value = .success(try command.run(input: input))
      } catch {
        outcome.value = .failure(error)
      }
      done.signal()
    }
    while done.wait(timeout: .now() + .seconds(2)) == .timedOut { progress() }
    guard let value = outcome.value else { throw .silent }
    return try value.get()
  }
}

/// Carries an outcome from one thread to another; the semaphore orders the two.
private final class OutcomeBox: @unchecked Sendable {
  var value: Result<GitCommand.Result, HelperError>?
}
