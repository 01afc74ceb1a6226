import SystemPackage
import Testing

@Suite("Programs that copy and check")
struct CopyToolsTests {
  /// A tree of everything that cp, tar and rsync carry.
  private static let generate = """
    chance = random.Random(11)
    folders = ["."]
    for i in range(40):
        path = os.path.join(chance.choice(folders), "folder %d" % i); os.mkdir(path); folders.append(path)
    files = []
    for i in range(400):
        path = os.path.join(chance.choice(folders), chance.choice(["file-%d", "ünï %d", ".hidden%d", "a'b\\"%d", "new\\nline%d"]) % i)
        put(path, chance.randbytes(chance.choice([0, 1, 100, 5000, 70000])) * chance.choice([1, 1, 3])); files.append(path)
        os.chmod(path, chance.choice([0o644, 0o600, 0o755, 0o444, 0o4755, 0o640]))
        if i % 7 == 0: os.setxattr(path, "user.number", b"%d" % i)
        os.utime(path, ns=(10**18, chance.randrange(2 * 10**18)))
    put(b"bytes \\xff\\xfe", b"x"); put("large", chance.randbytes(9_000_000))
    with open("sparse", "wb") as file: file.seek(5_000_000); file.write(b"end")
    for i in range(30):
        os.link(chance.choice(files), "link %d" % i); os.symlink(chance.choice(files), os.path.join(chance.choice(folders), "soft %d" % i))
    os.symlink("nowhere/at all", "broken"); os.mkfifo("fifo")
    for folder, _, names in os.walk("."):
        for name in names:
            if not name.startswith("link"): os.utime(os.path.join(folder, name), ns=(10**18, chance.randrange(2 * 10**18)), follow_symlinks=False)
    for path in sorted(folders, reverse=True): os.utime(path, ns=(10**18, chance.randrange(2 * 10**18)))
    """

  // F1, F3, F8, F9, F11, F12, F13, before and after a commit and a new mount.
  @Test(
    "a tree that is copied into the mount is the same in a new mount, after restic's restore, and copied out again",
    arguments: [
      ("cp -a $T/source/. in/", "cp -a in/. $T/out/"),
      (
        "tar -C $T/source --xattrs -cf - . | tar -C in --xattrs -xpf -",
        "tar -C in --xattrs -cf - . | tar -C $T/out --xattrs -xpf -"
      ),
      ("rsync -aHX $T/source/ in/", "rsync -aHX in/ $T/out/"),
    ])
  func copies(_ copyIn: String, _ copyOut: String) async throws {
    try await MountedRepository.mounted { vault in
      let source = try vault.makeFolder("source")
      try await vault.python(Self.generate, in: source)
      // tar keeps whole seconds in its default format.
      if copyIn.hasPrefix("tar") {
        try await vault.shell(
          "find . ! -type l -exec touch -d @1234567890 {} + ; find . -type l -exec touch -h -d @1234567890 {} +",
          in: source)
      }
      let expected = try await vault.listing(source)
      try await vault.shell("mkdir in; \(copyIn)")
      try await vault.expect(vault.mountpoint.appending("in"), shows: expected)
      try await vault.remount()
      try await vault.shell("diff -r --no-dereference --exclude fifo $T/source in; mkdir $T/out; \(copyOut)")
      try await vault.expect(vault.mountpoint.appending("in"), shows: expected, "in a new mount")
      try await vault.expect(vault.path("out"), shows: expected, "copied out")
      try await vault.expect(try await vault.restored().appending("in"), shows: expected, "restored")
      if copyIn.hasPrefix("rsync") {
        #expect(try await vault.shell("rsync -aHX --itemize-changes --dry-run $T/source/ in/") == "")
        try await vault.shell(
          "rm -r $T/source/folder*; echo x > $T/source/new; echo y >> $T/source/large; rsync -aHX --delete --checksum $T/source/ in/"
        )
        try await vault.expect(vault.mountpoint.appending("in"), shows: try await vault.listing(source))
      }
    }
  }

  // F1 Bytes written […] anywhere in a file are read back as written. F5 mmap reads and writes, shared.
  @Test(
    "fio reads every block as it was written",
    arguments: [
      "--ioengine=psync --rw=randwrite --bs=4k --numjobs=3",
      "--ioengine=psync --rw=randrw --bsrange=512-64k --bs_unaligned --numjobs=2",
      "--ioengine=psync --rw=write --bs=1m --numjobs=2", "--ioengine=mmap --rw=randwrite --bs=4k --numjobs=2",
      "--ioengine=mmap --rw=write --bs=16k", "--ioengine=psync --direct=1 --rw=randwrite --bs=4k",
      "--ioengine=libaio --iodepth=16 --rw=randwrite --bs=8k",
    ])
  func fio(_ job: String) async throws {
    try await MountedRepository.mounted { vault in
      let fio =
        "fio --name=job --directory=. --size=24m --verify=crc32c --verify_fatal=1 --randseed=7 --output=$T/fio.log \(job)"
      try await vault.shell(fio + " --do_verify=1")
      let before = try await vault.listing()
      try await vault.remount()
      try await vault.expect(vault.mountpoint, shows: before)
      if !job.contains("randrw") { try await vault.shell(fio + " --verify_only") }
    }
  }
}
