import ResticTestSupport
import SystemPackage
import Testing

@Suite("The content of a commit")
struct CommitTests {
  // C2 Without a change there is no snapshot.
  @Test("reading, opening for writing and undone changes make no snapshot")
  func nothingChanged() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir d; echo 1 > d/file; echo 2 > other; ln -s other link")
      try await vault.remount()
      try await vault.shell(
        """
        cat d/file other link > /dev/null; ls -lR . > /dev/null; find . -newer other; : 9<> d/file; : 9>> other
        stat -f . > /dev/null; sync .; echo temporary > new; mv new newer; rm newer
        """)
      #expect(try await vault.sync().changed == false)
      let report = try await vault.unmount()
      #expect(!report.changed && !report.conflict)
      #expect(try await vault.snapshots().count == 1)
    }
  }

  // C3 A snapshot is the tree at one instant […] and what comes later is in the next one.
  @Test("no snapshot has a later change without the earlier ones")
  func oneInstant() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        os.mkdir("x"); done = False; written = 0; put("a", b"%08d" % 0); put("x/b", b"%08d" % 0)
        def step(path, count):
            fd = os.open(path, os.O_WRONLY); os.pwrite(fd, b"%08d" % count, 0); os.close(fd)
        def write():
            global written
            count = 0
            while not done: count += 1; step("a", count); written = count; step("x/b", count); put("x/c%d" % (count % 50), bytes(100_000)); step("x/b", count)
        def change():
            before = written
            while written == before: time.sleep(0.001)
        writer = threading.Thread(target=write); writer.start()
        for _ in range(6): change(); subprocess.run(["sync", "."], check=True)
        change(); done = True; writer.join()
        """)
      try await vault.unmount()
      let snapshots = try await vault.snapshots()
      #expect(snapshots.count == 7)
      for snapshot in snapshots {
        let (a, b) = (try await vault.dump("/a", of: snapshot.id), try await vault.dump("/x/b", of: snapshot.id))
        let lead = (Int(a) ?? -99) - (Int(b) ?? 0)
        #expect(lead == 0 || lead == 1, "\(snapshot.id): a is \(a), b is \(b)")
      }
    }
  }

  // C3 […] the mount can be read and written while it is being stored, and what comes later is in the next one. Where it
  // differs: sync MNT holds the kernel's lock on the root directory itself.
  @Test("programs read and write the mount while a commit stores it", arguments: ["SIGUSR1", "sync"])
  func writingMeanwhile(_ way: String) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        "mkdir d; head -c 6000000 /dev/urandom > d/large; echo before > d/file; sha256sum d/large > $T/sum; ls -l d > /dev/null"
      )
      try await vault.python(
        """
        def status(): return json.loads(os.getxattr(".", "user.restic.status"))
        # No pack can be stored for a while.
        data = os.environ["REPOSITORY_FOLDER"] + "/data"; os.rename(data, data + ".away"); open(data, "w").close()
        if sys.argv[1] == "sync": commit, place = subprocess.Popen(["sync", "."]), "d/"
        else: os.kill(status()["pid"], signal.SIGUSR1); commit, place = None, ""
        while status()["state"] != "committing": time.sleep(0.002)
        put(place + "late", b"late"); put("d/file", b"after"); os.rename(place + "late", "d/later"); os.listdir(place or ".")
        with open("d/large", "r+b") as file: file.seek(5_000_000); file.write(b"overwritten")
        equal(get("d/later"), b"late"); equal(os.pread(os.open("d/large", os.O_RDONLY), 11, 5_000_000), b"overwritten")
        equal(status()["state"], "committing"); os.remove(data); os.rename(data + ".away", data)
        while status()["state"] == "committing": time.sleep(0.01)
        equal(status()["state"], "dirty"); assert commit is None or commit.wait() == 0
        """, [way])
      #expect(try await vault.dump("/d/file") == "before")
      #expect(try await vault.restic(["ls", "latest"]).contains("late") == false)
      try await vault.shell("restic dump latest /d/large | sha256sum | cut -c-64 | diff - <(cut -c-64 $T/sum)")
      try await vault.expectKept()
      #expect(try await vault.snapshots().count == 2)
    }
  }

  // C4 What git has in flight is in no snapshot: `X.lock` at the root of a git repository and anywhere in the folders that are
  // git's alone, but in no work tree; files that git has not put in place yet; `gc.pid`.
  @Test("no snapshot has git's unfinished files; files with such names elsewhere are saved")
  func unfinishedFiles() async throws {
    try await MountedRepository.mounted([]) { vault in
      let unfinished = """
        HEAD.lock config.lock packed-refs.lock packed-refs.new gc.pid refs/heads/main.lock refs/heads/a/b.lock refs/x.lock
        objects/incoming-x/12/file objects/tmp_objdir-y/pack/p objects/12/tmp_obj_z objects/pack/tmp_pack_1 objects/pack/.tmp-7-pack-a.idx
        objects/maintenance.lock objects/pack/multi-pack-index.lock objects/info/commit-graphs/commit-graph-chain.lock
        objects/info/commit-graphs/tmp_graph_AbCdEf objects/bitmap-ref-tips_AbCdEf objects/info/packs_AbCdEf info/refs_AbCdEf
        info/x.lock description.lock index.lock logs/refs/heads/main.lock worktrees/w/index.lock
        """
      let kept =
        "refs/heads/lock refs/heads/a.locked objects/12/34 objects/pack/pack-1.pack hooks/gc.pid hooks/Cargo.lock lfs/objects/yarn.lock tmp_obj_z tree/.git tree/Cargo.lock modules/yarn.lock/x own/HEAD.lock"
      try await vault.shell(
        """
        make() { for path in $1; do mkdir -p $(dirname $2/$path); echo $path > $2/$path; done; }
        git init --quiet --bare deep/er.git; mkdir plain
        for root in . deep/er.git; do make "\(unfinished)" $root; make "\(kept)" $root; done
        make "\(unfinished) \(kept)" plain
        """)
      let shown = try await vault.listing()
      try await vault.sync()
      try await vault.expect(vault.mountpoint, shows: shown, "after the commit")
      let restored = try await vault.restored()
      try await vault.shell(
        """
        for root in . deep/er.git; do
          for path in \(kept.replacing("\n", with: " ")); do test -f $root/$path; done
          for path in \(unfinished.replacing("\n", with: " ")); do test ! -e $root/$path; test ! -e $root/${path%/12/file}; done
        done
        for path in \((unfinished + " " + kept).replacing("\n", with: " ")); do test -f plain/$path; done
        """, in: restored)
      // The unfinished file gets its final name, which is a change like any other.
      try await vault.shell(
        "mv refs/heads/main.lock refs/heads/main; mv objects/12/tmp_obj_z objects/12/56; mv objects/pack/tmp_pack_1 objects/pack/2"
      )
      #expect(try await vault.sync().changed)
      #expect(
        try await vault.dump("/refs/heads/main") + vault.dump("/objects/pack/2")
          == "refs/heads/main.lockobjects/pack/tmp_pack_1")
    }
  }

  // C8 A snapshot carries on the base's paths, tags and parent, and is later than it whatever the clock says.
  @Test(
    "a snapshot keeps the base's paths and tags, names the base as its parent, and is later than a base from the future"
  )
  func description() async throws {
    try await MountedRepository.with { vault in
      let source = try vault.makeFolder("source")
      try await vault.shell(
        "echo 1 > file; restic backup --quiet --host elsewhere --tag one,two --time '2039-01-02 03:04:05' .", in: source
      )
      try await vault.mount(["--host", "here"], at: "here")
      try await vault.shell("echo filtered > own", in: vault.path("here"))
      try await vault.unmount(at: "here")
      try await vault.mount()
      try await vault.shell("echo 2 > file")
      try await vault.unmount()
      let snapshots = try await vault.snapshots()
      try #require(snapshots.count == 3)
      let (base, ours) = (snapshots[1], snapshots[2])
      #expect(ours.paths == [source.string] && ours.tags == ["one", "two"] && ours.parent == base.id)
      #expect(base.time == "2039-01-02T03:04:05Z" && ours.time == "2039-01-02T03:04:05.000000001Z")
      #expect(try await vault.dump("/file") == "2")
      #expect(try await vault.dump("/file", of: base.id) == "1")
    }
  }

  // C8 The first one has the filter's host, tags and paths (/git where no path is given).
  @Test(
    "the first snapshot has the host, paths and tags of the filter, and the same filter finds it",
    arguments: [
      ([], "/git", []), (["--host", "h1"], "/git", []), (["--tag", "a,b"], "/git", ["a", "b"]),
      (["--host", "h1", "--tag", "t", "--path", "/srv/x"], "/srv/x", ["t"]),
    ] as [([String], String, [String])])
  func filters(_ options: [String], _ path: String, _ tags: [String]) async throws {
    try await MountedRepository.with { vault in
      // Ordinary backups, one of them later than the mount's snapshot.
      let other = try vault.makeFolder("other")
      if !options.isEmpty {
        try await vault.shell(
          "echo > other; restic backup --quiet --tag other --time '2039-01-01 00:00:00' .", in: other)
      }
      try await vault.mount(options)
      try await vault.shell("test -f HEAD; test ! -e other; echo mine > file")
      try await vault.unmount()
      let ours = try #require(try await vault.snapshots(options).last)
      #expect(ours.paths == [path])
      #expect(ours.tags ?? [] == tags)
      if options.first == "--host" { #expect(ours.hostname == "h1") }
      try await vault.mount(options)
      #expect(try await vault.shell("cat file") == "mine")
      try await vault.shell("echo again > file")
      try await vault.unmount()
      #expect(try await vault.snapshots(options).last?.parent == ours.id)
    }
  }

  // C9 Nodes that nobody changed are stored as they were read, members that this program doesn't know included.
  @Test("unchanged nodes are stored as restic wrote them")
  func untouchedNodes() async throws {
    try await MountedRepository.with { vault in
      let source = try vault.makeFolder("source")
      try await vault.shell(
        """
        echo 1 > kept; echo 2 > changed; mkdir d; echo 3 > d/file; ln d/file link; ln -s kept soft; mkfifo fifo; : > empty
        chown 1234:4321 kept d; touch -d '2001-02-03 04:05:06.123456789' kept d/file; setfattr -n user.x -v y kept; echo > $'n\\xff\\n<&>'
        restic backup --quiet .
        """, in: source)
      let before = try await vault.nodes()
      try await vault.mount()
      try await vault.shell("ls -lR > /dev/null; cat kept d/file > /dev/null; echo more >> changed; echo > new")
      try await vault.unmount()
      let after = try await vault.nodes()
      #expect(
        after.filter { !$0.contains(#""name":"changed""#) && !$0.contains(#""name":"new""#) }
          == before.filter { !$0.contains(#""name":"changed""#) })
      #expect(after.count == before.count + 1)
    }
  }
}

extension MountedRepository {
  /// The nodes of the latest snapshot's root, each as it is stored.
  fileprivate func nodes() async throws -> [String] {
    let text = try await rootTree()
    return text.dropFirst(#"{"nodes":["#.count).dropLast(2).replacing(#"},{"name""#, with: "}\n{\"name\"").split(
      separator: "\n"
    ).map(String.init)
  }
}
