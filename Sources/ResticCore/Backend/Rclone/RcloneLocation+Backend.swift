internal import Logging
internal import Platform
internal import SystemPackage

extension RcloneLocation {
  /// The repository, served by `rclone serve restic` as a child of this process, which is not started yet. Throws if
  /// there is no rclone.
  func makeBackend(
    _ options: RcloneOptions, transport: TransportOptions, logger: Logger
  ) throws(OptionError) -> RESTBackend {
    guard let file = ProgramSearch.find(options.words[0]) else {
      throw .noProgram(options.words[0], advice: options.command(for: self).advice)
    }
    let command = options.command(for: self, file: file.string)
    return RESTBackend(
      RESTPlace(self), transport: PipeTransport(command, options: transport, logger: logger),
      hasImmediateListings: options.hasImmediateListings)
  }
}
