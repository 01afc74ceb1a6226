import ArgumentParser
import Platform

/// What umount(8) was told to do with a mount that is in use.
enum UnmountingForUmount: String, ExpressibleByArgument, Sendable {
  /// `umount`
  case ifUnused
  /// `umount -l`
  case detached
  /// `umount -f`
  case forced

  var value: Unmounting.Insistence {
    switch self {
    case .ifUnused: .ifUnused
    case .detached: .detached
    case .forced: .forced
    }
  }
}
