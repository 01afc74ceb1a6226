import Dispatch
import FuseBridge
import Glibc
import Synchronization
import SystemPackage

/// A whole file system in dictionaries, to mount for real. It counts what the kernel holds, and has a few odd names:
/// a lookup of `errno-N` throws that errno, one of `waits…` waits for `letLookupsGo` and finds nothing, and a read of a planted file named `slow…` waits for `letSlowReadsGo`.
final class MemoryFileSystem: FuseFileSystem {
  struct State {
    var inodes: [FuseInode: MemoryInode] = [:]
    var nextInode: FuseInode = 2
    var nextHandle: FuseHandle = 1
    /// What each handle has open; a directory's with the snapshot of its entries.
    var handles: [FuseHandle: FuseInode] = [:]
    var slowInodes: Set<FuseInode> = []
    /// Calls by the protocol's words.
    var callCounts: [String: Int] = [:]
    /// What the kernel did that it must not do.
    var violations: [String] = []
    /// The callers seen by `create`.
    var creators: [FuseCaller] = []
    /// What wakes each read that waits.
    var readGates: [DispatchSemaphore] = []
    var slowReadsMayGo = false
    /// What wakes each lookup that waits.
    var lookupGates: [DispatchSemaphore] = []
    var lookupsMayGo = false
    /// Whether requests may come with no handle.
    var allowsSilentOpening = false
    /// Whether the kernel may list directories from its cache.
    var keepsListings = true
    /// The writes whose memory is kept, if it is.
    var keptWrites: [KeptWrite] = []
  }

  /// A write as it came, in the memory of its request.
  struct KeptWrite: @unchecked Sendable {
    let inode: FuseInode
    let offset: UInt64
    let memory: UnsafeMutableRawBufferPointer
    let range: Range<Int>
  }

  let state: Mutex<State>
  let memory = CountedMemory()
  var requestMemory: any FuseMemory { memory }
  /// Whether writes are kept as they came, too.
  let keepsWrites: Bool

  init(keepsWrites: Bool = false) {
    self.keepsWrites = keepsWrites
    var root = MemoryInode(
      kind: .directory(MemoryDirectory(parent: 1)), attributes: Self.attributes(inode: 1, mode: S_IFDIR | 0o755))
    root.attributes.linkCount = 2
    root.attributes.userID = geteuid()
    root.attributes.groupID = getegid()
    state = Mutex(State(inodes: [1: root]))
  }

  /// What stat(2) shows: another number than the kernel's handle, so that no test takes the one for the other.
  static func shownNumber(of inode: FuseInode) -> UInt64 { inode == 1 ? 1 : inode + 1 << 40 }

  static func attributes(inode: FuseInode, mode: UInt32, caller: FuseCaller? = nil, device: UInt64 = 0)
    -> FuseAttributes
  {
    let time = now()
    return FuseAttributes(
      inodeNumber: shownNumber(of: inode), mode: mode, linkCount: 1, userID: caller?.userID ?? 0,
      groupID: caller?.groupID ?? 0,
      device: device, byteCount: 0, blockCount: 0, accessTime: time, modificationTime: time, changeTime: time)
  }

  static func now() -> FuseTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return FuseTime(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
  }

  /// Lookups and handles that the kernel holds now.
  var heldByKernel: (lookups: UInt64, handles: Int) {
    state.withLock { state in
      (state.inodes.values.reduce(0) { $0 + $1.lookupCount }, state.handles.count)
    }
  }

  /// The inodes that the kernel knows.
  var lookedUp: Set<FuseInode> {
    state.withLock { state in Set(state.inodes.filter { $0.value.lookupCount > 0 }.keys) }
  }

  var inodeCount: Int { state.withLock { $0.inodes.count } }
  var violations: [String] { state.withLock { $0.violations } }
  var callCounts: [String: Int] { state.withLock { $0.callCounts } }
  var creators: [FuseCaller] { state.withLock { $0.creators } }
  var waitingReadCount: Int { state.withLock { $0.readGates.count } }
  func resetCallCounts() { state.withLock { $0.callCounts = [:] } }
  /// How many lookups of `waits…` are waiting.
  var waitingLookupCount: Int { state.withLock { $0.lookupGates.count } }

  func letLookupsGo() {
    let gates = state.withLock { state in
      state.lookupsMayGo = true
      return state.lookupGates
    }
    for gate in gates { gate.signal() }
  }

  func allowSilentOpening() { state.withLock { $0.allowsSilentOpening = true } }

  func relistDirectories() { state.withLock { $0.keepsListings = false } }

  /// Replaces a file's content without the kernel's knowledge.
  func replaceContent(of inode: FuseInode, by bytes: [UInt8]) {
    var content = MemoryContent()
    bytes.withUnsafeBytes { content.write($0, at: 0) }
    let made = content
    state.withLock { state in
      state.update(inode) { inode in
        inode.kind = .file(made)
        inode.attributes.byteCount = made.byteCount
      }
    }
  }

  func holdLookups() { state.withLock { $0.lookupsMayGo = false } }

  /// Waits as a handler does that waits for a storage.
  func waitForLookup() throws(Errno) {
    let gate = DispatchSemaphore(value: 0)
    let mustWait = state.withLock { state in
      if !state.lookupsMayGo { state.lookupGates.append(gate) }
      return !state.lookupsMayGo
    }
    guard mustWait else { return }
    defer { state.withLock { $0.lookupGates.removeAll { $0 === gate } } }
    guard FuseRequest.wait(for: gate) else { throw .interrupted }
  }

  func letSlowReadsGo() {
    let gates = state.withLock { state in
      state.slowReadsMayGo = true
      return state.readGates
    }
    for gate in gates { gate.signal() }
  }

  /// The inode of a path from the root.
  func inode(at path: String) -> FuseInode? {
    state.withLock { state in
      path.split(separator: "/").reduce(Optional(1)) { inode, name in
        inode.flatMap { state.inodes[$0]?.directory?[Array(name.utf8)] }
      }
    }
  }

  /// The content of a file, as it has arrived here.
  func content(at path: String) -> [UInt8]? {
    guard let inode = inode(at: path) else { return nil }
    return state.withLock { state in
      state.inodes[inode]?.content.map { $0.read(offset: 0, count: Int($0.byteCount)) }
    }
  }

  /// Makes a file without the kernel's knowledge.
  func plant(_ name: String, content bytes: [UInt8]) {
    state.withLock { state in
      var content = MemoryContent()
      bytes.withUnsafeBytes { content.write($0, at: 0) }
      let inode = state.nextInode
      state.nextInode += 1
      var attributes = Self.attributes(inode: inode, mode: S_IFREG | 0o644)
      attributes.byteCount = content.byteCount
      state.inodes[inode] = MemoryInode(kind: .file(content), attributes: attributes)
      state.link(inode, as: Array(name.utf8), in: 1)
      if name.hasPrefix("slow") { state.slowInodes.insert(inode) }
    }
  }

  func connectionEnded() {
    state.withLock { state in
      state.callCounts["connectionEnded", default: 0] += 1
      state.handles = [:]
      for inode in state.inodes.keys {
        state.inodes[inode]?.lookupCount = 0
        state.inodes[inode]?.openCount = 0
        state.dropIfUnused(inode)
      }
    }
  }
}

extension MemoryFileSystem.State {
  mutating func count(_ call: String) {
    callCounts[call, default: 0] += 1
  }

  func known(_ inode: FuseInode) throws(Errno) -> MemoryInode {
    guard let found = inodes[inode] else { throw .staleNFSFileHandle }
    return found
  }

  func directory(_ inode: FuseInode) throws(Errno) -> MemoryDirectory {
    guard let directory = try known(inode).directory else { throw .notDirectory }
    return directory
  }

  func child(_ name: [UInt8], in parent: FuseInode) throws(Errno) -> FuseInode {
    guard let inode = try directory(parent)[name] else { throw .noSuchFileOrDirectory }
    return inode
  }

  mutating func update(_ inode: FuseInode, _ body: (inout MemoryInode) -> Void) {
    guard inodes[inode] != nil else {
      violations.append("inode \(inode) was used after its end")
      return
    }
    body(&inodes[inode, default: MemoryInode(kind: .special(device: 0), attributes: .init(inode))])
  }

  /// Changes the names of a directory.
  mutating func updateDirectory(_ inode: FuseInode, _ body: (inout MemoryDirectory) -> Void) {
    update(inode) { parent in
      guard case .directory(var directory) = parent.kind else { return }
      // Drops the only other reference, so that nothing is copied.
      parent.kind = .special(device: 0)
      body(&directory)
      parent.kind = .directory(directory)
      parent.attributes.modificationTime = MemoryFileSystem.now()
      parent.attributes.changeTime = parent.attributes.modificationTime
    }
  }

  mutating func link(_ inode: FuseInode, as name: [UInt8], in parent: FuseInode) {
    updateDirectory(parent) { $0[name] = inode }
    if inodes[inode]?.directory != nil { update(parent) { $0.attributes.linkCount += 1 } }
  }

  mutating func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    let inode = try child(name, in: parent)
    updateDirectory(parent) { $0[name] = nil }
    let isDirectory = inodes[inode]?.directory != nil
    if isDirectory { update(parent) { $0.attributes.linkCount -= 1 } }
    update(inode) { child in
      child.attributes.linkCount = isDirectory ? 0 : child.attributes.linkCount - 1
      child.attributes.changeTime = MemoryFileSystem.now()
    }
    dropIfUnused(inode)
  }

  /// Counts a lookup and answers it.
  mutating func entry(_ inode: FuseInode) throws(Errno) -> FuseEntry {
    let attributes = try known(inode).attributes
    update(inode) { $0.lookupCount += 1 }
    return FuseEntry(inode: inode, attributes: attributes)
  }

  mutating func make(
    _ name: [UInt8], in parent: FuseInode, kind: MemoryInode.Kind, mode: UInt32, caller: FuseCaller
  ) throws(Errno) -> FuseInode {
    guard try directory(parent)[name] == nil else { throw .fileExists }
    let inode = nextInode
    nextInode += 1
    var made = MemoryInode(
      kind: kind, attributes: MemoryFileSystem.attributes(inode: inode, mode: mode, caller: caller))
    if case .directory = kind { made.attributes.linkCount = 2 }
    if case .special(let device) = kind { made.attributes.device = device }
    if case .symbolicLink(let target) = kind { made.attributes.byteCount = UInt64(target.count) }
    inodes[inode] = made
    link(inode, as: name, in: parent)
    return inode
  }

  mutating func openHandle(_ inode: FuseInode) -> FuseHandle {
    let handle = nextHandle
    nextHandle += 1
    handles[handle] = inode
    update(inode) { $0.openCount += 1 }
    return handle
  }

  mutating func closeHandle(_ handle: FuseHandle, of inode: FuseInode) {
    guard handles.removeValue(forKey: handle) == inode else {
      violations.append("handle \(handle) of inode \(inode) was released but is not open")
      return
    }
    update(inode) { $0.openCount -= 1 }
    dropIfUnused(inode)
  }

  mutating func check(_ handle: FuseHandle, of inode: FuseInode) throws(Errno) {
    if handle == .silent, allowsSilentOpening { return }
    guard handles[handle] == inode else {
      violations.append("handle \(handle) of inode \(inode) was used but is not open")
      throw .badFileDescriptor
    }
  }

  mutating func dropIfUnused(_ inode: FuseInode) {
    guard inode != 1, let known = inodes[inode] else { return }
    if known.attributes.linkCount == 0 && known.lookupCount == 0 && known.openCount == 0 { inodes[inode] = nil }
  }
}

extension FuseAttributes {
  fileprivate init(_ inode: FuseInode) {
    self = MemoryFileSystem.attributes(inode: inode, mode: 0)
  }
}
