internal import CFuse3
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// What every callback needs: the file system and how long the kernel may trust its answers.
///
/// libfuse carries a pointer to this object as the session's user data; `FuseSession` keeps the object alive longer
/// than the session.
final class FuseServer: Sendable {
  /// The file system that answers.
  let fileSystem: any FuseFileSystem
  /// How long the answers are valid.
  let timeouts: FuseTimeouts
  /// How many requests have arrived.
  let requests: FuseRequestCounts
  /// Whether FUSE_INIT was answered (`FusePrivileges.swift`).
  let hasGreeted = Atomic(false)
  /// Whether the mount is read-only.
  let isReadOnly: Bool
  /// Whether the kernel opens files and directories without a request (`FuseSilentOpening.swift`).
  let opensFilesSilently = Atomic(false)
  let opensDirectoriesSilently = Atomic(false)

  /// A server of `fileSystem`; `requests` counts its requests.
  init(
    fileSystem: any FuseFileSystem, options: FuseMountOptions, requests: FuseRequestCounts = FuseRequestCounts()
  ) {
    self.fileSystem = fileSystem
    self.requests = requests
    timeouts = FuseTimeouts(options)
    isReadOnly = options.readOnly
  }

  /// Runs a handler for requests of `kind` on the calling worker thread, and answers `request` with the handler's
  /// result or error.
  ///
  /// Every callback is one call of this function. If the request or the server is missing, libfuse made a mistake and
  /// nothing is answered.
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

/// Who makes `request`; all zero for requests of the kernel itself (writeback).
func caller(of request: fuse_req_t) -> FuseCaller {
  guard let context = fuse_req_ctx(request) else { return FuseCaller(userID: 0, groupID: 0, processID: 0) }
  return FuseCaller(userID: context.pointee.uid, groupID: context.pointee.gid, processID: context.pointee.pid)
}

/// A name in a directory. Throws EINVAL if there is none, ENAMETOOLONG above 255 bytes (the kernel lets 1,024 through).
func entryName(_ string: UnsafePointer<CChar>?) throws(Errno) -> [UInt8] {
  let name = try bytes(of: string)
  guard name.count <= Int(NAME_MAX) else { throw .fileNameTooLong }
  return name
}

/// The bytes of a C string. Throws EINVAL if there is none or it is empty.
func bytes(of string: UnsafePointer<CChar>?) throws(Errno) -> [UInt8] {
  guard let string else { throw .invalidArgument }
  let byteCount = strlen(string)
  guard byteCount > 0 else { throw .invalidArgument }
  return [UInt8](UnsafeRawBufferPointer(start: string, count: byteCount))
}

/// A position in a file. Throws EINVAL if it is negative.
func position(_ offset: off_t) throws(Errno) -> UInt64 {
  guard offset >= 0 else { throw .invalidArgument }
  return UInt64(offset)
}

/// The open file that a request is about. Throws EBADF if the request names none.
func handle(of info: UnsafeMutablePointer<fuse_file_info>?) throws(Errno) -> FuseHandle {
  guard let info else { throw .badFileDescriptor }
  return info.pointee.fh
}
