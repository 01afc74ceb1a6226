import ResticCore
import ResticTestSupport

extension MemoryBackend {
  /// Removes every snapshot, pack and index file, as `restic forget` and `restic prune` do where nothing is kept.
  func forgetAndPruneEverything() {
    for file in files.keys where [.snapshot, .data, .index].contains(file.type) { self[file] = nil }
  }
}
