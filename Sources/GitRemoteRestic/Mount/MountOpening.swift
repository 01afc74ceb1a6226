import Glibc
import SystemPackage

/// Opens the repository for a service: finds the password, mounts, and prepares what a new repository needs.
struct MountOpening {
  /// How often a wrong password may be given again, as restic has it.
  private static let tries = 3
  private static let passwordVariables = ["RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND"]

  /// What git has called us with.
  let command: CommandLineWords
  /// The client's settings.
  let configuration: RemoteConfiguration
  /// The variables we were started with.
  let environment: ProcessEnvironment
  /// Where to tell what happens.
  let trace: Trace

  /// A mount that `service` can work on, with a git repository at its root.
  func open(for service: Service) throws(HelperError) -> PrivateMount {
    let folder = try PrivateFolder(environment)
    folder.removeLeftovers()
    var mount = try start(isReadOnly: !service.writes, in: folder)
    do throws(HelperError) {
      if !service.writes, mount.state()?.snapshot == nil {
        // There is no snapshot yet: a new, empty repository shows itself instead, and is dropped at the end.
        mount.end()
        mount = try start(isReadOnly: false, in: folder)
      }
      try check(mount)
      return mount
    } catch {
      mount.end()
      throw error
    }
  }

  /// Refuses what git would not take for a bare repository, and gives a new one the client's object format.
  private func check(_ mount: PrivateMount) throws(HelperError) {
    let repository = ServedRepository(path: mount.path)
    guard let state = mount.state() else {
      throw HelperError("the mount of \(command.location) is not understood: restic-gitfs is of another version")
    }
    guard repository.exists, !repository.hasInnerRepository else {
      throw HelperError(
        "snapshot \(state.snapshot?.prefix(8) ?? "") of \(command.location) holds no bare git repository at its root; "
          + "choose another with remote.NAME.resticPath, resticTag or resticHost (`restic-gitfs snapshots` lists them)")
    }
    guard state.snapshot == nil else { return }
    let format = try GitCommand(["rev-parse", "--show-object-format"], environment: environment).run()
    if format.isSuccess, format.line == "sha256" {
      try repository.useSHA256(environment: environment.forServer(protocolVersion: 0))
    }
  }

  private func start(isReadOnly: Bool, in folder: PrivateFolder) throws(HelperError) -> PrivateMount {
    let request = PrivateMount.Request(
      location: command.location, selection: configuration.mountArguments, isReadOnly: isReadOnly,
      environment: environment)
    trace.write("mount \(command.location), \(isReadOnly ? "read-only" : "writable")")
    let mount = try usesVariables ? startWithVariables(request, folder) : startWithCredential(request, folder)
    trace.write("mounted at \(mount.path)")
    return mount
  }

  /// Whether nobody has to be asked: the variables say it, or there is no repository to ask for.
  private var usesVariables: Bool {
    if Self.passwordVariables.contains(where: { environment[$0] != nil }) { return true }
    guard let path = command.location.localPath else { return false }
    return access(path.appending("config").string, F_OK) != 0
  }

  private func startWithVariables(
    _ request: PrivateMount.Request, _ folder: PrivateFolder
  ) throws(HelperError) -> PrivateMount {
    guard case .ready(let mount) = try PrivateMount.start(request, in: folder, passwordLine: nil) else { throw .silent }
    return mount
  }

  private func startWithCredential(
    _ request: PrivateMount.Request, _ folder: PrivateFolder
  ) throws(HelperError) -> PrivateMount {
    for _ in 0..<Self.tries {
      var credential = try Credential.fill(for: command.location, environment: environment)
      var line = credential.line
      defer {
        credential.wipe()
        Credential.wipe(&line)
      }
      switch try PrivateMount.start(request, in: folder, passwordLine: line) {
      case .ready(let mount):
        credential.approve()
        return mount
      case .wrongPassword: credential.reject()
      case .refused: throw .silent
      }
    }
    throw .silent
  }
}
