import FuseBridge
import ResticCore

/// Each family of operations has an extension that meets the other requirements.
extension GitFileSystem: FuseFileSystem {
  func connectionEnded() {
    tree.bookkeep { $0.forgetEverything() }
    listings.withLock { $0 = DirectoryListings() }
    configurations.withLock { $0 = ShownConfigurations() }
  }
}
