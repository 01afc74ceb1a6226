import FuseBridge
import Glibc
import Synchronization
import SystemPackage

extension MemoryFileSystem {
  func makeNode(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, device: UInt64, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    let kind: MemoryInode.Kind = mode & S_IFMT == S_IFREG ? .file(MemoryContent()) : .special(device: device)
    return try locked { state throws(Errno) in
      try state.entry(try state.make(name, in: parent, kind: kind, mode: mode, caller: caller))
    }
  }

  func makeDirectory(
    _ name: [UInt8], in parent: FuseInode, mode: UInt32, caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    try locked { state throws(Errno) in
      try state.entry(
        try state.make(
          name, in: parent, kind: .directory(MemoryDirectory(parent: parent)), mode: S_IFDIR | mode & 0o7777,
          caller: caller))
    }
  }

  func makeSymbolicLink(
    _ name: [UInt8], in parent: FuseInode, target: [UInt8], caller: FuseCaller
  ) throws(Errno) -> FuseEntry {
    try locked { state throws(Errno) in
      try state.entry(
        try state.make(name, in: parent, kind: .symbolicLink(target), mode: S_IFLNK | 0o777, caller: caller))
    }
  }

  func link(_ inode: FuseInode, as name: [UInt8], in parent: FuseInode) throws(Errno) -> FuseEntry {
    try locked { state throws(Errno) in
      guard try state.directory(parent)[name] == nil else { throw .fileExists }
      _ = try state.known(inode)
      state.update(inode) { $0.attributes.linkCount += 1 }
      state.link(inode, as: name, in: parent)
      return try state.entry(inode)
    }
  }

  func unlink(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try locked { state throws(Errno) in
      state.count("unlink")
      guard try state.known(try state.child(name, in: parent)).directory == nil else { throw .isDirectory }
      try state.unlink(name, in: parent)
    }
  }

  func removeDirectory(_ name: [UInt8], in parent: FuseInode) throws(Errno) {
    try locked { state throws(Errno) in
      guard try state.directory(try state.child(name, in: parent)).entries.isEmpty else { throw .directoryNotEmpty }
      try state.unlink(name, in: parent)
    }
  }

  func rename(
    _ name: [UInt8], in parent: FuseInode, to newName: [UInt8], in newParent: FuseInode, mode: FuseRenameMode
  ) throws(Errno) {
    try locked { state throws(Errno) in
      let inode = try state.child(name, in: parent)
      let replaced = try state.directory(newParent)[newName]
      if replaced == inode && mode == .replace { return }
      switch mode {
      case .refuse where replaced != nil: throw .fileExists
      case .exchange:
        guard let replaced else { throw .noSuchFileOrDirectory }
        state.updateDirectory(parent) { $0[name] = replaced }
        state.updateDirectory(newParent) { $0[newName] = inode }
        return
      default: break
      }
      if let replaced {
        if let directory = try state.known(replaced).directory, !directory.entries.isEmpty {
          throw .directoryNotEmpty
        }
        try state.unlink(newName, in: newParent)
      }
      let isDirectory = try state.known(inode).directory != nil
      state.updateDirectory(parent) { $0[name] = nil }
      if isDirectory { state.update(parent) { $0.attributes.linkCount -= 1 } }
      state.link(inode, as: newName, in: newParent)
    }
  }

  func openDirectory(_ inode: FuseInode, flags: Int32) throws(Errno) -> FuseOpenFile {
    try locked { state throws(Errno) in
      state.count("openDirectory")
      _ = try state.directory(inode)
      return FuseOpenFile(handle: state.openHandle(inode), keepsCache: state.keepsListings)
    }
  }

  func readDirectory(
    _ inode: FuseInode, handle: FuseHandle, offset: UInt64, countLookups: Bool, emit: (FuseDirectoryEntry) -> Bool
  ) throws(Errno) {
    try locked { state throws(Errno) in
      state.count(countLookups ? "readDirectoryPlus" : "readDirectory")
      try state.check(handle, of: inode)
      let directory = try state.directory(inode)
      let dots: [(String, UInt64, FuseInode)] = [(".", 1, inode), ("..", 2, directory.parent)]
      for (name, number, target) in dots where number > offset {
        let attributes = try state.known(target).attributes
        let entry = FuseDirectoryEntry(
          name: Array(name.utf8), inode: target, attributes: attributes, nextOffset: number)
        guard emit(entry) else { return }
      }
      let rest = directory.entries.filter { $0.value.number > offset }.sorted { $0.value.number < $1.value.number }
      for (name, entry) in rest {
        let attributes = try state.known(entry.inode).attributes
        let listed = FuseDirectoryEntry(
          name: name, inode: entry.inode, attributes: attributes, nextOffset: entry.number)
        guard emit(listed) else { return }
        if countLookups { state.update(entry.inode) { $0.lookupCount += 1 } }
      }
    }
  }

  func releaseDirectory(_ inode: FuseInode, handle: FuseHandle) {
    state.withLock { state in
      state.count("releaseDirectory")
      state.closeHandle(handle, of: inode)
    }
  }

  func synchronizeDirectory(_ inode: FuseInode, handle: FuseHandle, dataOnly: Bool) throws(Errno) {
    try locked { state throws(Errno) in
      state.count("synchronizeDirectory")
      try state.check(handle, of: inode)
    }
  }
}
