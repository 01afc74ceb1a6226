internal import Logging
internal import Platform

extension RcloneLocation {
  /// The repository here: `rclone serve restic` as a program of ours, which is not started yet. Throws where there is none.
  func makeBackend(
    _ options: RcloneOptions, transport: TransportOptions, logger: Logger
  ) throws(OptionError) -> RESTBackend {
    let command = options.command(for: self)
    guard ProgramSearch.find(command.words[0]) != nil else {
      throw .noProgram(command.words[0], advice: command.advice)
    }
    return RESTBackend(
      RESTPlace(self), transport: PipeTransport(command, options: transport, logger: logger),
      hasImmediateListings: options.hasImmediateListings)
  }
}
