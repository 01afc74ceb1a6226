import Dispatch
import SystemPackage

/// Whether the stored repository holds, by itself, everything that references reach.
///
/// receive-pack looks at what is new, and takes for granted that what the references there were before reach is there. It
/// may not be: a repository that was copied without its alternates, or whose packs somebody removed. So this looks once
/// more, from what is pushed down to what is known to be complete (`CompletenessRecord`): what this client has pushed, or
/// has looked at in an earlier push. The first push of a client takes a walk over all that the new values reach.
///
/// **A repack does not make what is known untrue.** What was complete in the old packs is complete in the new ones if their indexes name
/// every object that the old indexes named (`KnownObjects`). Who has packed, and whether it is honest, does not matter.
///
/// As git counts, an object is there if the index of a pack names it, or its file is there.
struct StoredCompleteness {
  /// The repository's mount.
  private let mount: PrivateMount
  /// For git commands on the mount.
  private let environment: ProcessEnvironment
  /// What is known; nil where there is no place for it.
  private let record: CompletenessRecord.Place?
  /// Whether there was nothing before: then receive-pack has looked at everything.
  private let isNew: Bool

  /// For the repository in `mount`, which `key` tells from others of the client, whose variables are `clientEnvironment`.
  init(
    mount: PrivateMount, key: [String], environment: ProcessEnvironment, clientEnvironment: ProcessEnvironment
  ) {
    self.mount = mount
    self.environment = environment.withoutSubstitutes
    record = clientEnvironment["GIT_DIR"].map { CompletenessRecord.Place(gitFolder: FilePath($0), key: key) }
    isNew = mount.state().map { $0.snapshot == nil } ?? false
  }

  /// Why `values`, objects that are there, are not complete; nil where they are. Calls `progress` now and then.
  func reasonAgainst(_ values: [String], progress: () -> Void) throws(HelperError) -> String? {
    guard !isNew, !values.isEmpty else { return nil }
    let known = StoredPacks(in: mount.repositoryPath).map { tips(completeIn: $0) } ?? []
    let input = values + known.map { "^\($0)" } + [""]
    let command = GitCommand(
      ServiceSettings.arguments + [
        // Both are files that say what is in others.
        "-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false",
        "--git-dir", mount.repositoryPath.string, "rev-list", "--objects", "--quiet", "--stdin",
      ], environment: environment)
    let result = try Self.run(command, input: Array(input.joined(separator: "\n").utf8), progress: progress)
    guard !result.isSuccess else { return nil }
    let cause = result.errorOutput.split(separator: "\n").last.map { ": \($0)" } ?? ""
    return "the stored repository lacks objects that the references need\(cause); mount it, fetch them into it "
      + "or restore them, and see `git fsck` there"
  }

  /// Notes that `values` are complete: after a push that was saved.
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
