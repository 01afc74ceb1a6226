import Testing

@Suite("Names and links")
struct NamesTests {
  // F7 rename replaces a file or an empty directory in one step; RENAME_NOREPLACE and RENAME_EXCHANGE work; across
  // directories too.
  @Test("rename replaces, refuses, exchanges, within a directory and across")
  func rename() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        "mkdir -p a/sub b full/x; echo 1 > a/1; echo 2 > b/2; echo 3 > a/3; echo 4 > b/4; echo 5 > a/sub/5")
      try await vault.remount()
      try await vault.python(
        """
        os.rename("a/1", "b/2"); equal(get("b/2"), b"1\\n"); fails("ENOENT", os.stat, "a/1")
        os.mkdir("b/empty"); os.rename("a/sub", "b/empty"); equal(get("b/empty/5"), b"5\\n")
        fails("ENOTEMPTY", os.rename, "b/empty", "full"); fails("ENOTDIR", os.rename, "full", "b/2")
        fails("EISDIR", os.rename, "b/2", "full"); fails("EINVAL", os.rename, "full", "full/x/y")
        fails("ENOENT", os.rename, "nothing", "b/2"); fails("ENOENT", os.rename, "b/2", "no/where")
        fails("EEXIST", renameat2, "a/3", "b/4", NOREPLACE); equal(get("b/4"), b"4\\n")
        renameat2("a/3", "b/5", NOREPLACE); equal(get("b/5"), b"3\\n")
        fails("ENOENT", renameat2, "b/5", "b/6", EXCHANGE)
        renameat2("b/5", "full/x", EXCHANGE); equal(os.listdir("b/5"), []); equal(get("full/x"), b"3\\n")
        renameat2("b", "full", EXCHANGE); equal(sorted(os.listdir("full")), ["2", "4", "5", "empty"]); equal(os.listdir("b"), ["x"])
        fails("EINVAL", renameat2, "full", "full/empty", EXCHANGE)
        os.rename("full/2", "full/2"); os.link("full/2", "again"); os.rename("full/2", "again")
        equal(get("full/2"), b"1\\n"); equal(os.stat("again").st_nlink, 2)
        before = os.stat("full/4").st_ino; os.rename("full/4", "4"); equal(os.stat("4").st_ino, before)
        """)
      try await vault.expectKept()
    }
  }

  // F7 rename replaces a file […] in one step.
  @Test("opening a name during its replacement finds the old file or the new one")
  func renameIsAtomic() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        put("ref", b"0" * 40); done = False; seen = set()
        def read():
            while not done: data = get("ref"); assert len(data) == 40, data; seen.add(data)
        readers = [threading.Thread(target=read) for _ in range(3)]; [r.start() for r in readers]
        end = time.monotonic() + 1; count = 0
        while time.monotonic() < end or count < 50 or len(seen) < 2:
            put("ref.lock", b"%040d" % count); os.rename("ref.lock", "ref"); count += 1
        done = True; [r.join() for r in readers]
        assert len(seen) > 1, seen
        """)
    }
  }

  // F8 Hard links are names of one file: one inode, one content, the right link count after each link and unlink; they are
  // hard links again after a commit and a new mount, and after restic restore.
  @Test("hard links stay names of the same file")
  func hardLinks() async throws {
    try await MountedRepository.mounted { vault in
      let count = "def count(path, n): equal(os.stat(path).st_nlink, n, path)\n"
      try await vault.python(
        count + """
          os.makedirs("far/away"); put("one", b"content")
          os.link("one", "two"); count("one", 2); os.link("two", "far/away/three"); count("one", 3); count("two", 3)
          equal(os.stat("one").st_ino, os.stat("far/away/three").st_ino)
          with open("far/away/three", "ab") as file: file.write(b" more")
          equal(get("one"), b"content more")
          os.unlink("one"); count("two", 2); os.rename("two", "far/two"); count("far/two", 2); os.link("far/two", "one")
          fails("EPERM", os.link, "far", "folder"); fails("EEXIST", os.link, "one", "far/two")
          put("alone"); os.link("alone", "gone"); os.unlink("gone"); count("alone", 1)
          os.symlink("target", "soft"); os.link("soft", "soft too", follow_symlinks=False); equal(os.lstat("soft").st_nlink, 2)
          os.unlink("soft"); equal(os.readlink("soft too"), "target")
          os.makedirs("p/q"); os.mkdir("r"); put("p/q/x", b"elsewhere"); os.link("p/q/x", "r/y"); os.link("p/q/x", "r/z")
          """)
      try await vault.expectKept()
      // A link that is written and removed while the directories of its other names have not been entered.
      try await vault.python(
        count + """
          put("one", b"written after the mount"); os.chmod("one", 0o640)
          equal(get("far/away/three"), b"written after the mount"); equal(get("far/two"), b"written after the mount")
          count("r/y", 3); os.unlink("r/y"); count("r/z", 2); put("r/z", b"changed"); equal(get("p/q/x"), b"changed")
          """)
      try await vault.expectKept()
      try await vault.python(
        count + """
          os.unlink("far/two"); count("one", 2); count("far/away/three", 2)
          os.unlink("far/away/three"); count("one", 1); put("one", b"alone")
          os.unlink("p/q/x"); count("r/z", 1); equal(get("r/z"), b"changed")
          """)
      try await vault.expectKept()
    }
  }

  // F9 Symbolic links hold any target; names are any bytes but / and NUL, up to 255 of them; a longer name is ENAMETOOLONG.
  @Test("names are any bytes, up to 255 of them")
  func anyName() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        names = [bytes([b]) for b in range(1, 256) if b not in b"/."] + [bytes([b, 65, b]) for b in range(1, 256) if b != 47]
        names += [t.encode() for t in ["é", "e\\u0301", "\\u2028", "\\u200b", "\\ufeff", "\\U0001f600", "<>&'\\"", "a\\\\x41", "%s", " "]]
        names += [b"\\xed\\xa0\\x80", b"\\xc3", b"\\xff" * 255, "é".encode() * 127, b"n" * 255, b"...", b"-rf", b"*", b"new\\nline"]
        names = sorted(set(names))
        for folder in [b".", b"folder \\xfe\\n"]:
            os.makedirs(folder, exist_ok=True)
            for index, name in enumerate(names): put(os.path.join(folder, name), b"%d" % index)
        equal(sorted(os.listdir(b".")), sorted(names + [b"folder \\xfe\\n"]))
        long = "n" * 256; put("short")
        for call in [(os.mkdir, long), (os.stat, long), (put, long), (os.unlink, long), (os.symlink, "x", long), (os.link, "short", long),
                     (os.rename, "short", long), (os.rename, long, "other"), (os.mkfifo, long)]:
            fails("ENAMETOOLONG", *call)
        """)
      try await vault.expectKept()
    }
  }

  // F9 Symbolic links hold any target.
  @Test("symbolic links hold any target")
  func symbolicLinks() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        targets = [b"/etc/passwd", b"../..", b"nowhere", b"with\\nnewline <&> \\\\", "é\\u2028".encode(), b"t" * 4095, b"."]
        for index, target in enumerate(targets):
            os.symlink(target, b"link%d" % index); equal(os.readlink(b"link%d" % index), target)
            equal(os.lstat(b"link%d" % index).st_size, len(target))
        put("file", b"through"); os.symlink("file", "good"); equal(get("good"), b"through")
        fails("ENOENT", os.symlink, "", "empty"); fails("EEXIST", os.symlink, "x", "good"); fails("EINVAL", os.readlink, "file")
        """)
      try await vault.expectKept()
      // restic before 0.16 restores such a target with replacement characters; it is stored in full.
      try await vault.python("os.symlink(bytes(range(128, 256)), 'bytes')")
      let shown = try await vault.listing()
      try await vault.remount()
      try await vault.expect(vault.mountpoint, shows: shown)
    }
  }

  // F10 A directory that is read while names come and go lists every name that was there all the time exactly once.
  @Test(
    "a directory that changes while it is read lists each remaining entry exactly once", arguments: ["new", "stored"],
    [3000, 30])
  func readingDirectories(_ kind: String, _ count: Int) async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        "os.mkdir('d'); [put('d/stays-%04d' % i) for i in range(\(count))]; [put('d/old-%d' % i) for i in range(200)]")
      if kind == "stored" { try await vault.remount() }
      try await vault.python(
        """
        done = False
        def churn():
            chance = random.Random(5); lock = "d/lock-%d" % threading.get_ident()
            while not done:
                i = chance.randrange(200)
                put(lock, b"new"); os.rename(lock, "d/stays-%04d" % chance.randrange(\(count)))
                for name in ["d/old-%d" % i, "d/new-%d" % i]:
                    try: os.unlink(name)
                    except FileNotFoundError: put(name)
                try: os.rename("d/old-%d" % i, "d/moved-%d" % i)
                except FileNotFoundError: pass
        threads = [threading.Thread(target=churn) for _ in range(2)]; [t.start() for t in threads]
        try:
            for round in range(15):
                names = os.listdir("d")
                equal(sorted(n for n in names if n.startswith("stays")), ["stays-%04d" % i for i in range(\(count))])
                equal(len(set(names)), len(names))
        finally:
            done = True; [t.join() for t in threads]
        """)
      try await vault.expectKept()
    }
  }
}
