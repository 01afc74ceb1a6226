import SystemPackage
import Testing

@Suite("Names that lead elsewhere")
struct ChangingNamesTests {
  // F10 A directory that is read while names come and go lists every name that was there all the time exactly once.
  @Test(
    "a directory whose files are replaced or exchanged while it is read lists each name once",
    arguments: ["new", "stored"], [600, 40])
  func renamedOver(_ kind: String, _ count: Int) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python("os.makedirs('refs/heads'); [put('refs/heads/b%d' % i, b'1') for i in range(\(count))]")
      if kind == "stored" { try await vault.remount() }
      try await vault.python(
        """
        names = ["b%d" % i for i in range(\(count))]; chance = random.Random(3)
        def update(name):
            path = "refs/heads/" + name
            if chance.randrange(4) == 0: put("other", b"2"); renameat2("other", path, EXCHANGE); os.unlink("other")
            else: put(path + ".lock", b"2"); os.rename(path + ".lock", path)
        for round in range(4):
            with os.scandir("refs/heads") as entries:
                listed = [next(entries).name for _ in range(5)]
                for name in names: update(name)
                listed += [entry.name for entry in entries]
            equal(sorted(listed), sorted(names))
        # Several readers, one of which uses what the kernel has cached for another.
        done = False
        def churn():
            while not done: update(chance.choice(names))
        thread = threading.Thread(target=churn); thread.start()
        def read():
            for _ in range(20): equal(sorted(n for n in os.listdir("refs/heads") if not n.endswith(".lock")), sorted(names))
        failures = []
        def reader():
            try: read()
            except BaseException as error: failures.append(error)
        readers = [threading.Thread(target=reader) for _ in range(3)]; [r.start() for r in readers]; [r.join() for r in readers]
        done = True; thread.join()
        if failures: raise failures[0]
        """)
      try await vault.expectKept()
    }
  }

  // F10 […] whatever inode a name leads to: a refresh replaces them as well.
  @Test("a directory that a refresh changes while it is read lists each name once")
  func refreshed() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python("os.mkdir('d'); [put('d/f%d' % i, b'1') for i in range(600)]")
      try await vault.sync()
      let second = try await vault.mount(at: "second")
      try await vault.python("[put('d/f%d' % i, b'2') for i in range(600)]", in: second)
      try await vault.sync(at: "second")
      try await vault.python(
        """
        with os.scandir("d") as entries:
            listed = [next(entries).name for _ in range(5)]
            subprocess.run([sys.argv[1], "sync", "."], check=True, stdout=subprocess.DEVNULL)
            equal(get("d/f599"), b"2")
            listed += [entry.name for entry in entries]
        equal(sorted(listed), sorted("f%d" % i for i in range(600)))
        """, [vault.program.string])
      try await vault.unmount(at: "second")
    }
  }

  // F17 A file shows the same inode number in every mount of the repository.
  @Test("inode numbers survive commits, new mounts and refreshes, so git does not read files again")
  func inodeNumbers() async throws {
    try await MountedRepository.mounted(["--no-git-init"]) { vault in
      try await vault.shell(
        """
        git init --quiet .; git config user.name n; git config user.email e@example.com
        mkdir -p a/b; for i in $(seq 60); do echo $i > a/f$i; echo $i > a/b/g$i; done; ln a/f1 hard; ln -s x soft
        git add .; git commit --quiet --message one; git status > /dev/null; sync .
        """)
      let numbers = "find . -path ./.git -prune -o -printf '%i %n %m %p\\n' | LC_ALL=C sort -k4"
      let shown = try await vault.shell(numbers)
      let files = shown.split(separator: "\n").map { $0.split(separator: " ")[0] }
      #expect(Set(files).count == files.count - 1, "only the hard links share a number")
      let second = try await vault.mount(at: "second")
      #expect(try await vault.shell(numbers, in: second) == shown)
      try await vault.remount()
      #expect(try await vault.shell("git diff-files") == "", "git would read these files again")
      #expect(try await vault.shell(numbers) == shown)

      // Files that another mount creates get other numbers, and the rest keep their own.
      try await vault.shell("echo new > new; echo more >> a/f2; mv a/f3 moved; chmod 600 a/f4", in: second)
      let changed = try await vault.shell(numbers, in: second)
      try await vault.sync(at: "second")
      try await vault.sync()
      #expect(try await vault.shell(numbers) == changed)
      try await vault.unmount(at: "second")
      try await vault.remount()
      #expect(try await vault.shell(numbers) == changed)
    }
  }

  // C11 A mount without changes shows a newer snapshot […] at every sync, without a remount.
  @Test("a directory that was looked up and never read shows its new mode and times after a sync")
  func unreadDirectory() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir -p sub deep/sub; echo 1 > sub/f; echo 1 > deep/sub/f; sync .")
      try await vault.remount()
      let second = try await vault.mount(at: "second")
      let look = "stat --printf '%n %a %y %z %h\\n' sub deep/sub"
      try await vault.shell(look)
      try await vault.shell("chmod 711 sub deep/sub; touch --date 2001-02-03T04:05:06.789 sub deep/sub", in: second)
      try await vault.sync(at: "second")
      try await vault.sync()
      #expect(try await vault.shell(look) == vault.shell(look, in: second))
      try await vault.unmount(at: "second")
    }
  }

  // F8 Hard links are names of one file: […] the right link count after each link and unlink.
  @Test("hard links that another mount changed stay one file, and names in directories that were never entered count")
  func hardLinks() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("mkdir c d e; echo 1 > c/one; ln c/one d/two; ln c/one e/three; sync .")
      let second = try await vault.mount(at: "second")
      let look = "stat --printf '%h %i %s\\n' c/one d/two e/three | uniq -c"
      try await vault.shell(look)
      try await vault.shell("echo changed > d/two", in: second)
      try await vault.sync(at: "second")
      try await vault.sync()
      #expect(try await vault.shell(look) == vault.shell(look, in: second))
      try await vault.shell("echo mine >> c/one; cmp e/three <(echo changed; echo mine)")
      try await vault.remount()
      try await vault.shell(
        "rm c/one; test $(stat -c %h d/two) = 2; echo 2 > new; mv new d/two; test $(stat -c %h e/three) = 1")
      try await vault.unmount(at: "second")
      try await vault.expectKept()
    }
  }

  // F12 Extended attributes user.* of files, directories and links are kept, as restic stores them.
  @Test("two extended attributes whose names are equal in Unicode only stay two")
  func attributeNames() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        put("f"); names = ["user.\\u00e9".encode(), "user.e\\u0301".encode()]
        for name in names: os.setxattr("f", name, name, os.XATTR_CREATE)
        """)
      try await vault.remount()
      try await vault.python(
        """
        names = ["user.\\u00e9".encode(), "user.e\\u0301".encode()]
        equal(sorted(os.fsencode(name) for name in os.listxattr("f")), sorted(names))
        for name in names: equal(os.getxattr("f", name), name)
        """)
    }
  }
}
