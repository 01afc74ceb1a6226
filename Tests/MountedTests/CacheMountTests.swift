import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// K1 to K4: files that were read or written once are not loaded again, whatever happens to the cache.
@Suite("A mount with a cache")
struct CacheMountTests {
  /// The repository of a test on a server, behind a proxy that counts.
  private static func serve(_ vault: MountedRepository) async throws -> (server: RcloneServer, proxy: FaultProxy) {
    let server = try await RcloneServer(folder: vault.repository)
    let port = try #require(URL(string: server.url)?.port)
    return (server, try FaultProxy(upstream: UInt16(port)))
  }

  /// The names of the files that were asked for.
  private static func loaded(_ proxy: FaultProxy) -> [String] {
    proxy.requests.filter { $0.method == "GET" && $0.target.split(separator: "/").last?.count == 64 }.map(\.target)
  }

  /// The files of the cache, relative to the folder of all caches.
  private static func cached(_ vault: MountedRepository, _ type: String) -> [String] {
    let paths = FileManager.default.subpaths(atPath: vault.path("cache").string) ?? []
    return paths.filter { $0.contains("/\(type)/") && $0.split(separator: "/").last?.count == 64 }
  }

  @Test(
    "neither a second mount nor restic loads an index file, a snapshot or a tree pack that the first mount has read or written"
  )
  func secondMount() async throws {
    try await MountedRepository.with { vault in
      let (server, proxy) = try await Self.serve(vault)
      let location = "rest:\(proxy.url)"
      let source = try await vault.makeHistory(commits: 20)
      try await vault.mount(["-r", location])
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.unmount()
      let trees = Set(Self.cached(vault, "data").compactMap { $0.split(separator: "/").last })
      #expect(!trees.isEmpty && !Self.cached(vault, "index").isEmpty)

      proxy.treat { _ in .pass }
      try await vault.mount(["-r", location, "--read-only"])
      #expect(try await vault.refs() == vault.refs(source))
      try await vault.shell("find . > /dev/null")
      try await vault.unmount()
      try await vault.restic(["-r", location, "ls", "--no-lock", "latest"])
      for target in Self.loaded(proxy) {
        #expect(target.hasPrefix("/keys/") || target.hasPrefix("/locks/") || target.hasPrefix("/data/"), "\(target)")
        #expect(!trees.contains { target.hasSuffix($0) }, "\(target)")
      }
      #expect(!proxy.requests.isEmpty)
      #expect(try await vault.restic(["cache"]).contains("1 cache dirs"))
      proxy.stop()
      try await server.stop()
    }
  }

  @Test(
    "a cache whose files are all changed, truncated, gone or replaced costs time, and nothing else",
    arguments: [
      "printf x | dd conv=notrunc bs=1 seek=40 status=none of=$f", "truncate -s -20 $f", ": > $f", "rm $f",
      "rm $f; mkdir $f", "rm $f; ln -s /etc/passwd $f", "rm $f; mkfifo $f",
    ])
  func damaged(by command: String) async throws {
    try await MountedRepository.with { vault in
      let (server, proxy) = try await Self.serve(vault)
      let location = "rest:\(proxy.url)"
      let source = try await vault.makeHistory(commits: 10)
      try await vault.mount(["-r", location])
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.unmount()
      try await vault.shell(
        "find cache -type f -not -name version -not -name CACHEDIR.TAG | while read -r f; do \(command); done",
        in: vault.folder)
      for _ in 0..<2 {
        try await vault.mount(["-r", location])
        #expect(try await vault.refs() == vault.refs(source))
        try await vault.git(["fsck", "--strict", "--full"])
        try await vault.shell("date +%N > change")
        try await vault.unmount()
      }
      proxy.stop()
      try await server.stop()
    }
  }

  @Test("with a full cache disk everything works, and there is one warning", .enabled(if: geteuid() == 0))
  func fullDisk() async throws {
    try await MountedRepository.with { vault in
      let (server, proxy) = try await Self.serve(vault)
      let disk = try vault.makeFolder("cache")
      try await vault.run("mount", ["-t", "tmpfs", "-o", "size=16k,mode=0700", "test-cache", disk.string])
      do {
        let source = try await vault.makeHistory(commits: 30)
        try await vault.mount(["-r", "rest:\(proxy.url)"])
        try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
        try await vault.shell("for i in $(seq 400); do echo $i > $i; done")
        try await vault.unmount()
        try await vault.mount(["-r", "rest:\(proxy.url)", "--read-only"])
        #expect(try await vault.refs() == vault.refs(source))
        try await vault.unmount()
        let warnings = vault.logText.split(separator: "\n").filter {
          $0.contains("\(disk)") && $0.contains("going on without")
        }
        #expect((1...2).contains(warnings.count), "\(vault.logText)")
      } catch {
        vault.clear()
        try await vault.run("umount", [disk.string])
        throw error
      }
      try await vault.run("umount", [disk.string])
      proxy.stop()
      try await server.stop()
    }
  }

  @Test("without a home folder, or a usable folder, a mount says with -v that it has no cache")
  func noPlace() async throws {
    try await MountedRepository.with { vault in
      for (number, change) in ["unset HOME RESTIC_CACHE_DIR XDG_CACHE_HOME", "export RESTIC_CACHE_DIR=/proc/none"]
        .enumerated()
      {
        try await vault.shell(
          """
          \(change); \(vault.program) mount -v --log-file log$1\(number) $M
          echo \(number) > $M/file; \(vault.program) sync -q $M; \(vault.program) umount -q $M
          grep -q -e 'no cache' -e 'without a cache' log\(number); not grep -q warning log\(number)
          """.replacingOccurrences(of: "$1", with: ""), in: vault.folder)
      }
    }
  }

  @Test("for a local repository the cache keeps the record only; --no-cache neither writes nor reads")
  func local() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-cache"])
      try await vault.shell("echo x > file")
      try await vault.unmount()
      #expect(!FileManager.default.fileExists(atPath: vault.path("cache").string))
      try await vault.mount()
      try await vault.shell("echo y > file")
      try await vault.unmount()
      try await vault.shell(
        "test -s cache/*/restic-gitfs-snapshots; test \"$(find cache/*/* -type f | sort | xargs -n1 basename | tr '\\n' ' ')\" = 'restic-gitfs-snapshots version '",
        in: vault.folder)
      // K4 A snapshot that was read while its file was sound is one.
      let newest = try #require(try await vault.snapshots().last)
      let path = vault.repository.appending("snapshots").appending(newest.id)
      try await FileDamage.flipped(50).with(path) {
        try await vault.mount(["--read-only"])
        try await vault.shell("grep -qx y file")
        try await vault.unmount()
        try await vault.expectRefusal(["mount", "--no-cache", vault.mountpoint.string], code: 1, saying: "is damaged")
      }
    }
  }

  @Test("restic forgets and prunes beside a mount with a warm cache: later commits are complete")
  func prune() async throws {
    try await MountedRepository.with { vault in
      let (server, proxy) = try await Self.serve(vault)
      let location = "rest:\(proxy.url)"
      try await vault.mount(["-r", location])
      for name in ["a", "b", "c"] {
        try await vault.shell("mkdir -p \(name); echo \(name) > \(name)/file; rm -f a/file")
        try await vault.sync()
      }
      try await vault.restic(["-r", location, "forget", "--keep-last", "1", "--prune"])
      try await vault.shell("echo more >> c/file; cat b/file")
      try await vault.unmount()
      try await vault.restic(["-r", location, "check", "--read-data", "--with-cache"])
      try await vault.mount(["-r", location, "--read-only"])
      try await vault.shell("test \"$(cat c/file | tr '\\n' ' ')\" = 'c more '; not ls a/file")
      try await vault.unmount()
      proxy.stop()
      try await server.stop()
    }
  }

  // K2 A cache that is removed meanwhile is an error of no command.
  @Test(
    "two mounts share one cache, and another process removes it under them: everything is saved and read correctly"
  )
  func together() async throws {
    try await MountedRepository.with { vault in
      let (server, proxy) = try await Self.serve(vault)
      let location = "rest:\(proxy.url)"
      try await vault.mount(["-r", location])
      try await vault.mount(["-r", location], at: "other")
      try await vault.shell(
        """
        restic init -q -r $T/second
        write() {
          for i in $(seq 4); do
            mkdir -p $1/$2$i; for j in $(seq 10); do echo $i $j > $1/$2$i/$j; done
            \(vault.program) sync -q $1; find $1 -type f | xargs cat > /dev/null
          done
        }
        write $M a & first=$!; write $T/other b & second=$!
        cleaned=0
        while kill -0 $first 2> /dev/null || kill -0 $second 2> /dev/null; do
          # As if nobody had used it for long. Who opens a repository has used its cache.
          touch -d '40 days ago' $T/cache/* 2> /dev/null || true
          \(vault.program) snapshots -r $T/second --cleanup-cache > said 2>&1
          if grep -q 'removing . old' said; then cleaned=1; fi
          # That one makes it anew.
          \(vault.program) snapshots -r \(location) > /dev/null
        done
        wait $first; wait $second
        test $cleaned = 1
        """, in: vault.folder)
      try await vault.unmount()
      try await vault.unmount(at: "other")
      try await vault.restic(["-r", location, "check", "--read-data", "--with-cache"])
      try await vault.mount(["-r", location, "--read-only"])
      try await vault.shell(
        """
        test $(find . -type f -path './[ab]*' | wc -l) = 80
        for i in $(seq 4); do for k in a b; do for j in $(seq 10); do test "$(cat $k$i/$j)" = "$i $j"; done; done; done
        """)
      try await vault.unmount()
      proxy.stop()
      try await server.stop()
    }
  }

  @Test("--cache-dir and --cleanup-cache do what restic's do")
  func options() async throws {
    try await MountedRepository.with { vault in
      let old = String(repeating: "ab", count: 32)
      try await vault.mount()
      try await vault.shell("echo x > file")
      try await vault.unmount()
      try await vault.shell(
        """
        mkdir -p elsewhere/\(old)/data; touch -d '40 days ago' elsewhere/\(old)
        \(vault.program) snapshots -v --cache-dir elsewhere 2> said; grep -q 'found 1 old cache directories in .*elsewhere' said
        test -d elsewhere/\(old); test -f elsewhere/CACHEDIR.TAG
        \(vault.program) snapshots --cache-dir elsewhere --cleanup-cache 2> said
        grep -q "removing 1 old cache dirs from $T/elsewhere" said; not test -e elsewhere/\(old)
        restic cache --cache-dir elsewhere | grep -q '1 cache dirs'
        """, in: vault.folder)
    }
  }
}

/// K1 by URL.
@Suite("git-remote-restic with a cache")
struct CacheRemoteTests {
  @Test("remote.NAME.resticCacheDir sets the folder of the cache, or turns the cache off")
  func setting() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git init -q a; cd a; git remote add origin "$U"; git config remote.origin.resticCacheDir false
        echo 1 > f; git add .; git commit -q -m c1; git push -q origin main; no test -e $T/cache
        git config remote.origin.resticCacheDir $T/mine; git fetch -q; test -s $T/mine/*/restic-gitfs-snapshots
        git config --unset remote.origin.resticCacheDir; git fetch -q; test -s $T/cache/*/restic-gitfs-snapshots
        """)
    }
  }
}
