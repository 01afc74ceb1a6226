import ResticCore
import StoredPointers
import SystemPackage

extension MountService {
  /// Throws where git would find something at the repository in `folder` that is no part of the mount, or that git could not use
  /// (G5). Whoever serves a private mount for git asks this before git sees it.
  ///
  /// Blocks; from any thread but those that serve.
  func admitGit(at folder: [Name]) throws(CommandError) {
    guard inspect(folder) else {
      throw CommandError("the stored repository could not be looked at before git sees it")
    }
    if let refused = status().refused { throw CommandError(refused) }
    let root = configuration.mountpoint.lexicallyNormalized()
    let path = folder.reduce(root) { $0.appending($1.description) }
    do throws(PointerViolation) {
      try RepositoryPointers.check(path, on: root, reading: TreeFiles(files: files, mountpoint: root))
    } catch {
      throw CommandError(error.message)
    }
  }
}
