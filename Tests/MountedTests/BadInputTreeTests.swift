import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("A tree that restic would not write")
struct BadInputTreeTests {
  // R4 A directory whose tree has invalid or duplicate names, and a file that is not as long as its blobs, is EIO, and
  // stays in the next snapshot as it was.
  @Test("is EIO for its invalid parts, beside sound directories, and stays unchanged in the next snapshot")
  func catalog() async throws {
    try await MountedRepository.with(checks: false) { vault in
      let repository = try await vault.opened()
      let trees = HandmadeTree.catalog
      let saved = try await repository.save { uploader in
        _ = try await uploader.add(HandmadeTree.text, type: .data)
        var nodes: [Node] = []
        for tree in trees {
          var node = Node(name: tree.name, type: .dir, mode: 1 << 31 | 0o755)
          node.subtree = try await uploader.add(tree.json, type: .tree)
          nodes.append(node)
        }
        return Tree(nodes: nodes).encode()
      }
      let expected = Dictionary(uniqueKeysWithValues: trees.map { ($0.name.description, Listed($0.shown)) })

      try await vault.mount()
      try await Self.expect(vault, shows: expected)
      #expect(try await vault.status().state == "clean")
      // The broken files' directories take new names, and what is broken is carried along.
      try await vault.shell("for folder in file*; do echo new > \"$folder/new\"; done; echo new > new; sync \"$M\"")
      try await vault.unmount()
      let nodes = try await repository.rootNodes(of: saved)
      let next = try await vault.opened()
      let snapshot = try #require(try await next.latestSnapshot(matching: SnapshotFilter()))
      let kept = try await next.rootNodes(of: snapshot)
      #expect(kept.count == nodes.count + 1 && kept["new"] != nil)
      for tree in trees {
        let (old, new) = (try #require(nodes[tree.name]), try #require(kept[tree.name]))
        if !tree.name.description.hasPrefix("file") {
          #expect(new == old, "\(tree.name)")
          continue
        }
        let before = try await repository.loadTree(try #require(old.subtree)).nodes
        let after = try await next.loadTree(try #require(new.subtree)).nodes
        #expect(after.filter { $0.name != "new" } == before, "\(tree.name)")
      }

      try await vault.mount()
      try await vault.shell("rm new file*/new")
      try await Self.expect(vault, shows: expected)
      // A broken file can be replaced, cut to nothing, moved and removed.
      try await vault.python(
        """
        os.truncate("file longer than its blobs/broken", 0)
        with open("file longer than its blobs/broken", "ab") as file: file.write(b"whole")
        put("file shorter than its blobs/other", b"whole")
        os.rename("file shorter than its blobs/other", "file shorter than its blobs/broken")
        os.rename("file of a missing blob/broken", "moved"); os.unlink("moved"); put("file of a missing blob/broken", b"whole")
        """)
      try await vault.unmount()
      try await vault.mount()
      try await vault.shell(
        "cat 'file longer than its blobs/broken' 'file shorter than its blobs/broken' 'file of a missing blob/broken' | grep -qx wholewholewhole"
      )
      try await vault.unmount()
    }
  }

  @Test(
    "as the root is not mounted, and the error names the tree",
    arguments: HandmadeTree.catalog.filter { $0.shown == .nothing })
  func root(tree: HandmadeTree) async throws {
    try await MountedRepository.with(checks: false) { vault in
      let saved = try await vault.opened().save { uploader in
        _ = try await uploader.add(HandmadeTree.text, type: .data)
        return tree.json
      }
      let id = saved.snapshot.tree.hex.prefix(8).description
      try await vault.expectRefusal(["mount", vault.mountpoint.string], code: 1, saying: "tree \(id) is damaged")
    }
  }

  @Test("or a missing tree: EIO for the directory; a missing root is not mounted")
  func missing() async throws {
    try await MountedRepository.with(checks: false) { vault in
      let absent = SHA256.id(of: [1, 2, 3], as: BlobID.self)
      let repository = try await vault.opened()
      let saved = try await repository.save { uploader in
        // The id of a data blob is not that of a tree.
        let text = try await uploader.add(HandmadeTree.text, type: .data)
        let folders: [(Name, BlobID?)] = [("absent", absent), ("data", text), ("none", nil)]
        return Tree(nodes: folders.map { Node(name: $0, type: .dir, mode: 1 << 31 | 0o755, subtree: $1) }).encode()
      }
      try await vault.mount()
      #expect(try await vault.readEverything() == ["absent/": "EIO", "data/": "EIO", "none/": "EIO"])
      try await vault.shell("echo new > new")
      try await vault.unmount()
      let next = try await vault.opened()
      let snapshot = try #require(try await next.latestSnapshot(matching: SnapshotFilter()))
      let (before, after) = (try await repository.rootNodes(of: saved), try await next.rootNodes(of: snapshot))
      #expect(before.allSatisfy { after[$0.key] == $0.value } && after.count == 4)

      var lost = snapshot.snapshot
      lost.tree = absent
      lost.time = lost.time.adding(nanoseconds: 1_000_000_000)
      _ = try await next.store(lost.encode(), as: BackendFile.snapshot)
      try await vault.expectRefusal(
        ["mount", vault.mountpoint.string], code: 1, saying: absent.hex.prefix(8).description, "is in no index file")
    }
  }

  @Test("may be 2,000 directories deep: all of its content is read, changed and stored")
  func deep() async throws {
    try await MountedRepository.with { vault in
      let depth = 2000
      try await vault.opened().save { uploader in
        let text = try await uploader.add(HandmadeTree.text, type: .data)
        var tree = Tree(nodes: [
          Node(name: "leaf", type: .file, mode: 0o644, size: UInt64(HandmadeTree.text.count), links: 1, content: [text])
        ])
        for _ in 0..<depth {
          let subtree = try await uploader.add(tree.encode(), type: .tree)
          tree = Tree(nodes: [Node(name: "d", type: .dir, mode: 1 << 31 | 0o755, subtree: subtree)])
        }
        return tree.encode()
      }
      let descend = """
        folder = os.open(".", os.O_RDONLY)
        for _ in range(\(depth)):
            inner = os.open("d", os.O_RDONLY, dir_fd=folder); os.close(folder); folder = inner
        def read(name):
            with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file: return file.read()
        equal(read("leaf"), b"sound\\n")

        """
      try await vault.mount()
      try await vault.python(
        descend + "with open(os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=folder), 'wb') as file: file.write(b'new')"
      )
      try await vault.sync()
      try await vault.python(descend + "equal(read('new'), b'new')")
      try await vault.unmount()
      try await vault.mount()
      try await vault.python(descend + "equal(read('new'), b'new')")
      // Moved as a whole, and every level loaded again.
      try await vault.shell("mkdir top && mv d top/ && mv top/d . && rmdir top && find . -name leaf | grep -c leaf")
      try await vault.unmount()
    }
  }

  @Test("may hold names that no Linux file system accepts: the other names can be read, and the tree stays unchanged")
  func longNames() async throws {
    try await MountedRepository.with { vault in
      let names = [Name([UInt8](repeating: 0x61, count: 256)), Name([UInt8](repeating: 0x62, count: 2000)), "sound"]
      let repository = try await vault.opened()
      let saved = try await repository.save { uploader in
        let text = try await uploader.add(HandmadeTree.text, type: .data)
        let size = UInt64(HandmadeTree.text.count)
        let nodes = names.map { Node(name: $0, type: .file, mode: 0o644, size: size, links: 1, content: [text]) }
        var folder = Node(name: "folder", type: .dir, mode: 1 << 31 | 0o755)
        folder.subtree = try await uploader.add(Tree(nodes: nodes).encode(), type: .tree)
        return Tree(nodes: [folder]).encode()
      }
      try await vault.mount()
      try await vault.shell("cat folder/sound | grep -qx sound; ls folder | grep -qx sound; echo new > folder/new")
      try await vault.unmount()
      let next = try await vault.opened()
      let snapshot = try #require(try await next.latestSnapshot(matching: SnapshotFilter()))
      func nodes(_ repository: Repository, _ saved: SavedSnapshot) async throws -> [Node] {
        let folder = try await repository.rootNodes(of: saved)["folder"]
        return try await repository.loadTree(try #require(folder?.subtree)).nodes
      }
      #expect(try await nodes(next, snapshot).filter { $0.name != "new" } == nodes(repository, saved))
    }
  }

  // MARK: -

  /// What a directory shows: hex of each file or `EIO`, or nil for a directory that can't be read.
  private struct Listed: Decodable, Equatable {
    let files: [String: String]?

    init(_ shown: HandmadeTree.Shown) {
      switch shown {
      case .nothing: files = nil
      case .files(let shown):
        files = Dictionary(
          uniqueKeysWithValues: shown.map { name, bytes in
            (
              name.description,
              bytes.map { Hex.text($0) } ?? "EIO"
            )
          })
      }
    }
  }

  /// Fails the test unless the directories of the mount show what is expected, each looked at in every way.
  private static func expect(_ vault: MountedRepository, shows expected: [String: Listed]) async throws {
    let text = try await vault.python(
      """
      shown = {}
      for folder in os.listdir("."):
          try:
              files = {}
              for name in os.listdir(folder):
                  path = os.path.join(folder, name)
                  os.lstat(path); os.listxattr(path, follow_symlinks=False); os.access(path, os.R_OK)
                  try: files[name] = get(path).hex()
                  except OSError as error: files[name] = errno.errorcode[error.errno]
              shown[folder] = {"files": files}
          except OSError as error:
              equal(error.errno, errno.EIO, folder)
              fails("EIO", os.stat, folder + "/sound")
              shown[folder] = {"files": None}
      print(json.dumps(shown))
      """)
    let shown: [String: Listed] = try MountedRepository.decode(text)
    #expect(shown.count == expected.count)
    for (name, listed) in expected {
      #expect(shown[name] == listed, "\(name)")
    }
  }
}
