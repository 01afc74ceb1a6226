import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Random operations")
struct ModelTests {
  /// F1 to F11: the local file system is the model. More seeds: RESTIC_GITFS_MODEL_SEEDS=100-199.
  @Test("random operations have the same results on the mount as on the local file system", arguments: seeds)
  func operations(seed: UInt64) async throws {
    try await MountedRepository.mounted { vault in
      let local = try vault.makeFolder("local")
      var generator = OperationGenerator(seed: seed)
      var all: [String] = []
      do {
        for _ in 0..<6 {
          let batch = (0..<80).map { _ in generator.next() }
          all += batch
          try await vault.python(Self.interpreter, [local.string] + batch)
          switch generator.chance(4) {
          case 0: try await vault.sync()
          case 1: try await vault.remount()
          case 2: try await vault.shell("sync .; fusermount3 -u $M", in: "/"); try await vault.mount(["--no-git-init"])
          default: break
          }
        }
        try await vault.python(Self.interpreter, [local.string])
        let expected = try await vault.listing(local, times: false)
        try await vault.remount()
        try await vault.expect(vault.mountpoint, shows: expected, times: false, "seed \(seed)")
        try await vault.expect(try await vault.restored(), shows: expected, times: false, "seed \(seed), restored")
      } catch {
        Issue.record("seed \(seed), operations:\n\(all.joined(separator: "\n"))")
        throw error
      }
    }
  }

  // C3 […] the mount can be read and written while it is being stored.
  @Test("three clients work at the same time while commits run, and do not disturb each other")
  func concurrently() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell(
        "touch $T/running; mkdir 1 2 3; mkdir -p $T/local/1 $T/local/2 $T/local/3", in: vault.mountpoint)
      async let commits = vault.shell("while test -e $T/running; do sync $M; done", in: vault.folder)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 1...3 {
          group.addTask {
            var generator = OperationGenerator(seed: UInt64(1000 + client))
            let operations = (0..<250).map { _ in generator.next() }
            try await vault.python(
              Self.interpreter, [vault.path("local/\(client)").string] + operations,
              in: vault.mountpoint.appending("\(client)"))
          }
        }
        try await group.waitForAll()
      }
      try await vault.shell("rm running", in: vault.folder)
      _ = try await commits
      let expected = try await vault.listing(vault.path("local"), times: false)
      try await vault.expect(vault.mountpoint, shows: expected, times: false)
      try await vault.expectKept()
    }
  }

  private static var seeds: [UInt64] {
    guard let wanted = ProcessInfo.processInfo.environment["RESTIC_GITFS_MODEL_SEEDS"] else { return Array(1...6) }
    let ends = wanted.split(separator: "-").compactMap { UInt64($0) }
    return ends.isEmpty ? [] : Array(ends[0]...ends[ends.count - 1])
  }

  /// Does each operation in both folders, and compares the results, and the trees at the end.
  private static let interpreter = """
    def content(seed, count): return random.Random(int(seed)).randbytes(int(count))
    def write(path, offset, count, seed):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        try: return os.pwrite(fd, content(seed, count), int(offset))
        finally: os.close(fd)
    def append(path, count, seed):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try: return os.write(fd, content(seed, count))
        finally: os.close(fd)
    def create(path, count, seed):
        fd = os.open(path, os.O_WRONLY | os.O_EXCL | os.O_CREAT, 0o444)
        try: return os.write(fd, content(seed, count))
        finally: os.close(fd)
    def replace(path, count, seed):
        put(path + ".new", content(seed, count)); os.rename(path + ".new", path)
    def punch(path, offset, count):
        fd = os.open(path, os.O_RDWR)
        try: fallocate(fd, PUNCH_HOLE | KEEP_SIZE, int(offset), int(count))
        finally: os.close(fd)
    def read(path):
        with open(path, "rb") as file: return hashlib.file_digest(file, "sha256").hexdigest()
    def truncate(path, size): os.truncate(path, int(size))
    def chmod(path, mode): os.chmod(path, int(mode, 8))
    def link(old, new):
        # restic stores and restores hard links of regular files only.
        if os.path.islink(old): return "left out"
        os.link(old, new)
    def noreplace(old, new): renameat2(old, new, NOREPLACE)
    def exchange(old, new): renameat2(old, new, EXCHANGE)
    def names(path): return sorted(os.listdir(path))
    calls = dict(write=write, append=append, create=create, replace=replace, punch=punch, read=read, truncate=truncate, chmod=chmod,
                 link=link, noreplace=noreplace, exchange=exchange, names=names, rename=os.rename, unlink=os.unlink,
                 mkdir=os.mkdir, rmdir=os.rmdir, symlink=os.symlink, readlink=os.readlink)

    def act(folder, words):
        os.chdir(folder)
        try: return calls[words[0]](*words[1:])
        except OSError as error: return errno.errorcode[error.errno]

    def tree(folder):
        os.chdir(folder); lines, first = [], {}
        for parent, folders, files in os.walk("."):
            for path in sorted(os.path.join(parent, name) for name in folders + files):
                s = os.lstat(path); line = [path, "%o" % s.st_mode]
                if not stat.S_ISDIR(s.st_mode): line += [s.st_size, s.st_nlink]
                if stat.S_ISREG(s.st_mode): line.append(read(path))
                if stat.S_ISLNK(s.st_mode): line.append(os.readlink(path))
                lines.append(line)
        return sorted(lines)

    mount, local = os.getcwd(), sys.argv[1]
    for operation in sys.argv[2:]:
        there, here = act(mount, operation.split()), act(local, operation.split())
        if there != here: sys.exit("%s: %r on the mount, %r locally" % (operation, there, here))
    there, here = tree(mount), tree(local)
    if there != here: sys.exit("the trees differ:\\n%s" % "\\n".join("%r" % line for line in there + here if (line in there) != (line in here)))
    """
}

/// Draws operations on few names, so that they meet.
private struct OperationGenerator {
  private var random: SplitMix64

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
  }

  mutating func chance(_ count: Int) -> Int {
    Int.random(in: 0..<count, using: &random)
  }

  mutating func next() -> String {
    switch chance(100) {
    case ..<14: "write \(path()) \(offset()) \(count()) \(seed())"
    case ..<20: "append \(path()) \(count()) \(seed())"
    case ..<28: "create \(path()) \(count()) \(seed())"
    case ..<34: "replace \(path()) \(count()) \(seed())"
    case ..<40: "truncate \(path()) \(offset())"
    case ..<44: "punch \(path()) \(offset()) \(count() + 1)"
    case ..<54: "rename \(path()) \(path())"
    case ..<57: "noreplace \(path()) \(path())"
    case ..<60: "exchange \(path()) \(path())"
    case ..<67: "link \(path()) \(path())"
    case ..<74: "unlink \(path())"
    case ..<82: "mkdir \(path())"
    case ..<85: "rmdir \(path())"
    case ..<88: "symlink \(path()) \(path())"
    case ..<90: "readlink \(path())"
    case ..<94: "chmod \(path()) \(["644", "600", "755", "4711", "1777"][chance(5)])"
    case ..<97: "names \(path())"
    default: "read \(path())"
    }
  }

  private mutating func path() -> String {
    let names = ["a", "b", "c", "d"]
    return (0...chance(3)).map { _ in names[chance(names.count)] }.joined(separator: "/")
  }

  private mutating func offset() -> Int {
    [0, 1, 100, 4096, 5000, 524_288, 1_000_000, 3_000_000][chance(8)]
  }

  private mutating func count() -> Int {
    [0, 1, 10, 4095, 4096, 20_000, 600_000, 1_500_000][chance(8)]
  }

  private mutating func seed() -> Int { chance(1_000_000) }
}
