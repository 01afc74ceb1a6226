import MessageText
import StoredPointers
import SystemPackage

/// Opens the repository for a service: mounts, and prepares what a new repository needs.
struct MountOpening {
  /// The arguments from git.
  let command: CommandLineWords
  /// The client's settings.
  let configuration: RemoteConfiguration
  /// Whether git is quiet.
  let isQuiet: Bool
  /// The variables of this process at its start.
  let environment: ProcessEnvironment
  /// Traces what happens.
  let trace: Trace

  /// A mount that `service` can work on, with a git repository at its root.
  func open(for service: Service) throws(HelperError) -> PrivateMount {
    let folder = try PrivateFolder(environment)
    folder.removeLeftovers()
    var mount = try mount(for: service, in: folder)
    do throws(HelperError) {
      if mount.state()?.snapshot == nil {
        // There is no snapshot yet. A reader gets a new, empty repository, which is dropped at the end.
        let format = try GitCommand(["rev-parse", "--show-object-format"], environment: environment).run()
        let isSHA256 = format.isSuccess && format.line == "sha256"
        if isSHA256 || !service.writes {
          mount.end()
          mount = try start(isReadOnly: false, objectFormat: isSHA256 ? "sha256" : "sha1", in: folder)
        }
      }
      try check(mount)
      return mount
    } catch {
      mount.end()
      throw error
    }
  }

  /// The mount that an earlier command has left, or a new one: one that can be left if mounts are to stay and no other
  /// command uses the kept one at this moment.
  private func mount(for service: Service, in folder: PrivateFolder) throws(HelperError) -> PrivateMount {
    guard let duration = configuration.keepAlive else { return try start(isReadOnly: !service.writes, in: folder) }
    let name = try KeptFile.name(for: identity(of: service, duration), environment: environment)
    while let file = KeptFile.take(name, for: duration, in: folder.path) {
      guard let mount = PrivateMount.left(in: file, folder: try repositoryFolder()) else {
        do throws(HelperError) {
          return try start(isReadOnly: !service.writes, in: folder, keptFile: file)
        } catch {
          file.remove()
          throw error
        }
      }
      if mount.catchUp() {
        trace.write("found a mount at \(mount.path)")
        return mount
      }
      trace.write("the mount at \(mount.path) cannot be used")
      mount.end()
    }
    return try start(isReadOnly: !service.writes, in: folder)
  }

  /// Everything in which two mounts may differ. Passwords do not count: a repository is open for the user who has
  /// opened it.
  private func identity(of service: Service, _ duration: String) -> [String] {
    command.location.identity + [service.writes ? "writable" : "read-only", duration, PrivateMount.program]
      + configuration.mountArguments + configuration.keep + environment.storageWords
  }

  /// The folder of the snapshot that is served, relative to its root.
  private func repositoryFolder() throws(HelperError) -> FilePath {
    let folder = FilePath(configuration.folder).components.filter { $0.kind != .currentDirectory }
    guard !folder.contains(where: { $0.kind == .parentDirectory }) else {
      throw configuration.refusal(
        "resticSubfolder", configuration.folder, "it names a folder of the snapshot, without '..'")
    }
    return FilePath(root: nil, folder)
  }

  /// What to do if the repository is in a folder. The creator of that folder has chosen its name.
  static func advice(_ state: MountState, for command: CommandLineWords) -> String {
    guard let name = state.repositories?.first else {
      return "choose another with remote.NAME.resticPath, resticTag or resticHost (`restic-gitfs snapshots` lists them)"
    }
    // git would read the first form as an option, a shell the second one as a home folder.
    let folder = name.hasPrefix("-") || name.hasPrefix("~") ? "./\(name)" : name
    let place = ShellWord(folder)
    let variable = "remote.\(command.remote).resticSubfolder"
    // A clone that fails removes its folder, and the configuration in it.
    return command.isNamed
      ? """
      there is one at \(place): `git config \(ShellWord(variable)) \(place)`, or for a clone \
      `-c \(ShellWord("\(variable)=\(folder)"))`
      """
      : "there is one at \(place): give the remote a name, and set remote.NAME.resticSubfolder to that folder"
  }

  /// Refuses a folder that git would not consider a bare repository, and files that would lead git out of the mount.
  private func check(_ mount: PrivateMount) throws(HelperError) {
    let repository = ServedRepository(path: mount.repositoryPath)
    guard let state = mount.inspect() else {
      throw HelperError(
        "the status of the mount of \(command.location) is not understood: restic-gitfs is of another version")
    }
    if let refused = state.refused { throw HelperError("\(command.location): \(refused)") }
    guard repository.exists, !repository.hasInnerRepository else {
      let snapshot = state.snapshot.map { "snapshot \($0.prefix(8))" } ?? "a new snapshot"
      let folder = configuration.folder.isEmpty ? "its root" : configuration.folder
      throw HelperError(
        """
        \(snapshot) of \(command.location) holds no bare git repository at \(folder); \
        \(Self.advice(state, for: command))
        """)
    }
    do throws(PointerViolation) {
      try RepositoryPointers.check(mount.repositoryPath, on: mount.path)
    } catch {
      throw HelperError(error.message)
    }
  }

  private func start(
    isReadOnly: Bool, objectFormat: String = "sha1", in folder: PrivateFolder, keptFile: KeptFile? = nil
  ) throws(HelperError) -> PrivateMount {
    let request = PrivateMount.Request(
      location: command.location,
      selection: configuration.nameArguments + configuration.mountArguments
        + (isReadOnly ? [] : try configuration.keepArguments())
        + (configuration.acceptsRollback ? ["--accept-rollback"] : []),
      folder: try repositoryFolder(),
      isReadOnly: isReadOnly,
      isQuiet: isQuiet,
      objectFormat: objectFormat, environment: environment, keptFile: keptFile)
    trace.write("mount \(command.location), \(isReadOnly ? "read-only" : "writable")")
    let mount = try PrivateMount.start(request, in: folder)
    trace.write("mounted at \(mount.path)")
    return mount
  }
}
