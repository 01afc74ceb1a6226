internal import CFuse3
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// What every callback needs: the file system and how long the kernel may trust its answers.
///
/// libfuse carries a pointer to it as the session's user data; `FuseSession` keeps it alive longer than the session.
final class FuseServer: Sendable {
  /// Who answers.
  let fileSystem: any FuseFileSystem
  /// How long the answers are good.
  let timeouts: FuseTimeouts
  /// How many requests have arrived.
  let requests: FuseRequestCounts
  /// Whether FUSE_INIT was answered (`FusePrivileges.swift`).
  let hasGreeted = Atomic(false)
  /// Whether nothing can be changed through the mount.
  let isReadOnly: Bool
  /// Whether the kernel is to open files, and directories, without a word (`FuseSilentOpening.swift`).
  let opensFilesSilently = Atomic(false)
  let opensDirectoriesSilently = Atomic(false)

  /// A server of `fileSystem`, which counts in `requests`.
  init(
    fileSystem: any FuseFileSystem, options: FuseMountOptions, requests: FuseRequestCounts = FuseRequestCounts()
  ) {
    self.fileSystem = fileSystem
    self.requests = requests
    timeouts = FuseTimeouts(options)
    isReadOnly = options.readOnly
  }

  /// Runs a handler, which is for requests of `kind`, and answers `request` with what it returns or throws, on the calling worker thread.
  ///
  /// Every callback is one call of this. A request or a server that is missing is libfuse's mistake: nothing to answer.
  static func answer(
    _ request: fuse_req_t?, _ kind: FuseRequestKind, _ handler: (FuseServer, fuse_req_t) throws(Errno) -> FuseReply
  ) {
    guard let request, let data = fuse_req_userdata(request) else { return }
    Unmanaged<FuseServer>.fromOpaque(data)._withUnsafeGuaranteedRef { server in
      server.requests.add(kind)
      var reply = FuseReply.none
      FuseRequest.withCurrent(request) {
        do throws(Errno) {
          reply = try handler(server, request)
        } catch {
          reply = .failure(error)
        }
      }
      reply.deliver(undoingOn: server.fileSystem) { $0.send(to: request, timeouts: server.timeouts) }
    }
  }
}

/// Who makes `request`; all zero when the kernel makes it for nobody (writeback).
func caller(of request: fuse_req_t) -> FuseCaller {
  guard let context = fuse_req_ctx(request) else { return FuseCaller(userID: 0, groupID: 0, processID: 0) }
  return FuseCaller(userID: context.pointee.uid, groupID: context.pointee.gid, processID: context.pointee.pid)
}

/// A name in a directory; EINVAL if there is none, ENAMETOOLONG above 255 bytes (the kernel lets 1,024 through).
func entryName(_ string: UnsafePointer<CChar>?) throws(Errno) -> [UInt8] {
  let name = try bytes(of: string)
  guard name.count <= Int(NAME_MAX) else { throw .fileNameTooLong }
  return name
}

/// The bytes of a C string; EINVAL if there is none or it is empty.
func bytes(of string: UnsafePointer<CChar>?) throws(Errno) -> [UInt8] {
  guard let string else { throw .invalidArgument }
  let byteCount = strlen(string)
  guard byteCount > 0 else { throw .invalidArgument }
  return [UInt8](UnsafeRawBufferPointer(start: string, count: byteCount))
}

/// A position in a file; EINVAL if negative.
func position(_ offset: off_t) throws(Errno) -> UInt64 {
  guard offset >= 0 else { throw .invalidArgument }
  return UInt64(offset)
}

/// The open file a request is about; EBADF if it comes without.
func handle(of info: UnsafeMutablePointer<fuse_file_info>?) throws(Errno) -> FuseHandle {
  guard let info else { throw .badFileDescriptor }
  return info.pointee.fh
}
