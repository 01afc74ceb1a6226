import Platform
import SystemPackage

extension ChildProcess {
  /// Starts `program`, a path or a name that is looked up in PATH, with `environment`. It gets our standard streams, but for
  /// those that `descriptors` replaces (theirs: ours).
  static func start(
    _ program: String, _ arguments: [String], environment: ProcessEnvironment,
    descriptors: [(Int32, FileDescriptor)] = []
  ) throws(HelperError) -> ChildProcess {
    do throws(Errno) {
      return try environment.withWords { variables throws(Errno) in
        try start(program, arguments, variables: &variables, descriptors: descriptors, signals: .endedByPipe)
      }
    } catch {
      throw HelperError("\(program) cannot be started: \(error)")
    }
  }
}
