import Testing

@testable import GitRemoteRestic

// G4 Mounts are shared by commands for which a location means the same.
@Suite("Variables on which a mount's repository depends")
struct StorageWordsTests {
  @Test("variables that say where a storage is and how to reach it count; passwords and other variables do not")
  func words() {
    let environment = ProcessEnvironment(values: [
      "RESTIC_COMPRESSION": "max", "RCLONE_CONFIG": "/c", "RCLONE_CONFIG_R_TYPE": "alias", "AWS_PROFILE": "p",
      "AWS_SHARED_CREDENTIALS_FILE": "/f", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "MINIO_ALIAS": "m", "HOME": "/h",
      "XDG_STATE_HOME": "/s", "https_proxy": "http://p", "NO_PROXY": "*",
      "RESTIC_PASSWORD_FILE": "/1", "RESTIC_PASSWORD_COMMAND": "2", "RESTIC_REPOSITORY": "3", "RESTIC_GITFS_TRACE": "4",
      "AWS_SECRET_ACCESS_KEY": "5", "AWS_SESSION_TOKEN": "6", "MINIO_ROOT_PASSWORD": "7", "RCLONE_CONFIG_R_PASS": "8",
      "RESTIC_REST_PASSWORD": "9", "GIT_DIR": "10", "PATH": "11", "TERM": "12",
    ])
    #expect(
      environment.storageWords == [
        "AWS_PROFILE=p", "AWS_SHARED_CREDENTIALS_FILE=/f", "AWS_WEB_IDENTITY_TOKEN_FILE=/t", "HOME=/h", "MINIO_ALIAS=m",
        "NO_PROXY=*", "RCLONE_CONFIG=/c", "RCLONE_CONFIG_R_TYPE=alias", "RESTIC_COMPRESSION=max", "XDG_STATE_HOME=/s",
        "https_proxy=http://p",
      ])
  }
}
