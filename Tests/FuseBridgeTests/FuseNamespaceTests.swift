import FuseBridge
import Glibc
import SystemPackage
import Testing

@Suite("Names and directories behave on a mount as on any file system", .serialized)
struct FuseNamespaceTests {
  @Test("rename replaces, refuses and exchanges")
  func rename() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        for name in 'abc': open(name, 'w').write(name)
        os.mkdir('d')
        os.rename('a', 'b')
        assert open('b').read() == 'a' and not os.path.exists('a')
        fails(errno.EEXIST, renameat2, 'b', 'c', 1)
        renameat2('b', 'd/b', 1)
        renameat2('c', 'd/b', 2)
        assert open('c').read() == 'a' and open('d/b').read() == 'c'
        renameat2('c', 'd', 2)
        assert open('d').read() == 'a' and os.listdir('c') == ['b']
        fails(errno.EINVAL, renameat2, 'd', 'e', 3)
        fails(errno.EINVAL, renameat2, 'd', 'e', 4)
        fails(errno.ENOENT, os.rename, 'x', 'y')
        fails(errno.EISDIR, os.rename, 'd', 'c')
        """, in: mount.path)
    }
  }

  @Test("hard links share an inode, and the link count is the number of names")
  func hardLinks() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        open('a', 'w').write('x')
        os.link('a', 'b'); os.link('b', 'c')
        assert [os.stat(n).st_nlink for n in 'abc'] == [3, 3, 3]
        assert len({os.stat(n).st_ino for n in 'abc'}) == 1
        os.unlink('b')
        assert os.stat('a').st_nlink == 2
        open('d', 'w').close(); os.rename('d', 'c')
        assert os.stat('a').st_nlink == 1
        open('a', 'a').write('y')
        assert open('a').read() == 'xy'
        fails(errno.EEXIST, os.link, 'a', 'c')
        """, in: mount.path)
    }
  }

  @Test("stat and readdir show the file's number, which need not be the kernel's handle")
  func inodeNumbers() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.python("os.mkdir('d'); open('d/f', 'w').close()", in: mount.path)
      let (folder, file) = (try #require(fileSystem.inode(at: "d")), try #require(fileSystem.inode(at: "d/f")))
      let numbers = (MemoryFileSystem.shownNumber(of: folder), MemoryFileSystem.shownNumber(of: file))
      try Client.python(
        """
        assert os.stat('.').st_ino == 1
        for round in range(2):
          assert {e.name: e.inode() for e in os.scandir('d')} == {'f': \(numbers.1)}
          assert (os.stat('d').st_ino, os.stat('d/f').st_ino) == \(numbers)
        """, in: mount.path)
    }
  }

  @Test("symbolic links, fifos, sockets and device nodes are made and told apart")
  func specialFiles() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        import socket
        target = b'some/where\\xff'
        os.symlink(target, b'l')
        assert os.readlink(b'l') == target and os.readlink(b'l') == target
        os.mkfifo('p', 0o600)
        assert stat.S_ISFIFO(os.stat('p').st_mode)
        s = socket.socket(socket.AF_UNIX); s.bind('s')
        assert stat.S_ISSOCK(os.stat('s').st_mode)
        os.mknod('r', 0o644 | stat.S_IFREG)
        assert os.stat('r').st_size == 0
        if os.getuid() == 0:
            os.mknod('n', 0o600 | stat.S_IFCHR, os.makedev(1, 5))
            assert os.stat('n').st_rdev == os.makedev(1, 5)
        os.mkdir('d', 0o1777)
        fails(errno.EEXIST, os.mkdir, 'd')
        fails(errno.ENOTDIR, os.rmdir, 'l')
        """, in: mount.path)
    }
  }

  @Test("the umask is applied once")
  func umask() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        os.umask(0o027)
        os.close(os.open('f', os.O_CREAT, 0o666)); os.mkdir('d'); os.mknod('n', 0o666 | stat.S_IFREG)
        modes = [oct(stat.S_IMODE(os.stat(n).st_mode)) for n in 'fdn']
        assert modes == ['0o640', '0o750', '0o640'], modes
        """, in: mount.path)
    }
  }

  @Test("names are bytes, up to 255 of them")
  func names() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.python(
        """
        names = [b'\\xff\\xfe', b'e\\xcc\\x81', b'\\xc3\\xa9', b' ', b'\\n', b'-', b'x' * 255]
        for name in names: open(name, 'w').close()
        assert sorted(os.listdir(b'.')) == sorted(names)
        for name in names: assert os.stat(name).st_size == 0
        fails(errno.ENAMETOOLONG, os.stat, b'x' * 256)
        """, in: mount.path)
      #expect(fileSystem.inodeCount == 8)
    }
  }

  @Test("the kernel asks once for a name that does not exist, and shows the name once it is created")
  func negativeEntries() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.python("for _ in range(100): fails(errno.ENOENT, os.stat, 'f')", in: mount.path)
      #expect(fileSystem.callCounts["no f"] == 1)
      try Client.python("open('f', 'w').close(); os.stat('f')", in: mount.path)
    }
    var options = Mount.options
    options.negativeEntryTimeout = .zero
    fileSystem.resetCallCounts()
    try Mount.with(fileSystem, options: options) { mount in
      try Client.python("for _ in range(100): fails(errno.ENOENT, os.stat, 'g')", in: mount.path)
      #expect(fileSystem.callCounts["no g"] == 100)
    }
  }

  @Test("a listing shows all of 5,000 entries while they are removed")
  func listWhileRemoving() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.python(
        """
        os.mkdir('d')
        for n in range(5_000): os.close(os.open('d/%d' % n, os.O_CREAT | os.O_WRONLY))
        assert len(os.listdir('d')) == 5_000
        seen = []
        for entry in os.scandir('d'):
            seen.append(entry.name)
            os.unlink(entry.path)
        assert len(seen) == len(set(seen)) == 5_000, len(seen)
        assert os.listdir('d') == []
        os.rmdir('d')
        """, in: mount.path)
    }
  }

  @Test("an entry that stays is listed exactly once while other entries come and go")
  func listWhileChanging() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        os.mkdir('d')
        for n in range(2_000): os.close(os.open('d/stays-%d' % n, os.O_CREAT | os.O_WRONLY))
        stop = False
        def churn(k):
            while not stop:
                os.close(os.open('d/goes-%d' % k, os.O_CREAT | os.O_WRONLY)); os.unlink('d/goes-%d' % k)
        threads = [threading.Thread(target=churn, args=(k,)) for k in range(2)]
        for t in threads: t.start()
        try:
            for _ in range(20):
                names = [n for n in os.listdir('d') if n.startswith('stays')]
                assert len(names) == len(set(names)) == 2_000, len(names)
        finally:
            stop = True
            for t in threads: t.join()
        """, in: mount.path)
    }
  }

  @Test("a listing brings the attributes with it, and the next listing comes from the kernel's cache")
  func listing() throws {
    let fileSystem = MemoryFileSystem()
    for number in 0..<1_000 { fileSystem.plant("f\(number)", content: [1, 2, 3]) }
    try Mount.with(fileSystem) { mount in
      let output = try Client.shell("ls -la | wc -l; ls -lai . | head -3", in: mount.path)
      #expect(output.hasPrefix("1003\n"))
      #expect(fileSystem.callCounts["lookup", default: 0] == 0)
      fileSystem.resetCallCounts()
      try Client.shell("ls -la > /dev/null", in: mount.path)
      #expect(fileSystem.callCounts["readDirectoryPlus", default: 0] == 0)
      #expect(fileSystem.callCounts["readDirectory", default: 0] == 0)
      try Client.shell("touch new; test $(ls | wc -l) = 1001; rm f1; test $(ls | wc -l) = 1000", in: mount.path)
    }
  }

  @Test("statfs reports the sizes")
  func statistics() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        s = os.statvfs('.')
        assert (s.f_bsize, s.f_frsize, s.f_blocks, s.f_bavail, s.f_bfree) == (4096, 4096, 1_000_000, 750_000, 750_000)
        assert (s.f_files, s.f_ffree, s.f_namemax) == (4_000, 3_000, 255), s
        """, in: mount.path)
    }
  }

  @Test("git initialises, pushes, packs, checks and clones")
  func git() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      let work = mount.path.string + "-work"
      defer { _ = try? Client.shell("rm -rf \(work)", in: "/tmp") }  // only tidies up
      try Client.shell(
        """
        export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
        export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
        git init -q --bare bare
        git init -q \(work)
        here=$PWD
        cd \(work)
        for n in 1 2 3 4 5; do echo $n > f$n; git add .; git commit -qm $n; done
        git push -q "$here/bare" HEAD:refs/heads/main HEAD:refs/heads/feature/x
        git commit -q --amend -m other
        git push -qf "$here/bare" HEAD:refs/heads/main
        git -C "$here/bare" gc -q --prune=now
        git -C "$here/bare" fsck --strict
        git clone -q -b main "$here/bare" "$here/clone"
        cd "$here/clone"
        test "$(cat f5)" = 5
        git status --porcelain
        """, in: mount.path)
    }
  }
}
