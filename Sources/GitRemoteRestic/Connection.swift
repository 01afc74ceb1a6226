import Glibc
import Platform
import SystemPackage

/// One `connect`: a service on a private mount, from the mount to its end.
struct Connection {
  let service: Service
  /// The arguments from git.
  let command: CommandLineWords
  /// Whether git is quiet.
  let isQuiet: Bool
  /// The variables of this process at its start.
  let environment: ProcessEnvironment
  /// Traces what happens.
  let trace: Trace

  /// Mounts, tells git that the service is ready, and returns when it has done its work and nothing is left except a
  /// mount for the next command, if the settings request one.
  func serve() throws(HelperError) {
    let configuration = try RemoteConfiguration.load(
      remote: command.isNamed ? command.remote : nil, environment: environment)
    let mount = try MountOpening(
      command: command, configuration: configuration, isQuiet: isQuiet, environment: environment, trace: trace
    ).open(for: service)
    environment.forgetPassword()
    var isDone = false
    defer {
      // A service that did not end well may still be writing, or may have left files.
      if isDone, service.writes, configuration.isMaintained, mount.leaveForHousekeeping() {
        trace.write("the mount goes on without this program, for housekeeping")
      } else if isDone {
        mount.leave()
      } else {
        mount.end()
      }
      trace.write("done with the mount")
    }
    let variables = environment.forServer(protocolVersion: configuration.protocolVersion)
    let server = ServerCommand(
      arguments: ServiceSettings.arguments + service.arguments + [mount.repositoryPath.string], environment: variables)
    StandardOutput.write(Array("\n".utf8))
    trace.write("connected: git \(server.arguments.joined(separator: " "))")

    if service.writes {
      let completeness = StoredCompleteness(
        mount: mount, key: [command.location.description] + configuration.mountArguments, environment: variables,
        clientEnvironment: environment)
      let end = try PushConnection(
        server: server, mount: mount, completeness: completeness, environment: variables,
        clientEnvironment: environment, isQuiet: isQuiet, trace: trace
      ).serve()
      isDone = end == .exited(0)
    } else {
      // Standard input and output belong to the server: nothing is between it and git.
      let end = try server.start().wait()
      trace.write("\(service.rawValue) ended: \(end)")
      // git treats some refused files as missing.
      isDone = end == .exited(0) && mount.state()?.refused == nil
      guard isDone else { throw Self.failure(of: mount) }
    }
  }

  /// Why a service failed: it has told git or the terminal itself, except for two reasons.
  static func failure(of mount: PrivateMount) -> HelperError {
    if let refused = mount.state()?.refused { return HelperError("the stored repository is not served: \(refused)") }
    return mount.isDead ? HelperError("the process that served the repository died; nothing was saved") : .silent
  }
}
