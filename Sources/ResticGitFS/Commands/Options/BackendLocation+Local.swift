import ResticCore
import SystemPackage

extension BackendLocation {
  /// The repository's folder, if it is on this machine.
  var localPath: FilePath? {
    switch self {
    case .local(let path): path
    case .rclone, .rest, .s3, .sftp: nil
    }
  }
}
