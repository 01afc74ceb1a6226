import FuseBridge
import ResticCore

/// The other requirements are met by an extension for each family of operations.
extension GitFileSystem: FuseFileSystem {
  func connectionEnded() {
    tree.bookkeep { $0.forgetEverything() }
    listings.withLock { $0 = DirectoryListings() }
    configurations.withLock { $0 = ShownConfigurations() }
  }
}
