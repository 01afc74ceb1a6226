import ArgumentParser
import FuseBridge
import Logging
import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The options of mount")
struct MountCommandTests {
  private func configuration(
    _ arguments: [String], _ environment: [Environment.Variable: String] = [:]
  ) throws -> MountConfiguration {
    try MountCommand.parse(arguments + ["-r", "/srv/vault", "/mnt"])
      .configuration(mountpoint: "/mnt", location: .local("/srv/vault"), Environment(environment))
  }

  @Test("have safe defaults: the latest snapshot, writable, for this user only, without program execution")
  func defaults() throws {
    let configuration = try configuration([])
    #expect(configuration.selection == .latest(SnapshotFilter()))
    #expect(!configuration.isReadOnly && configuration.createsBareRepository)
    #expect(configuration.commitAfter == nil && configuration.retryLock == .seconds(300))
    #expect(!configuration.fuseOptions.allowOther && !configuration.fuseOptions.allowExecution)
    #expect(configuration.fuseOptions.fileSystemName == "restic:/srv/vault")
    #expect("fuse." + configuration.fuseOptions.subtype == MountTable.fileSystemType)
    #expect(configuration.identity.hostname == ClientIdentity.current.hostname)
  }

  @Test("choose, allow and forbid")
  func options() throws {
    let configuration = try configuration([
      "--no-git-init", "--allow-other", "--exec", "--commit-after", "90s", "--retry-lock", "0", "--read-only",
    ])
    #expect(!configuration.createsBareRepository && configuration.isReadOnly)
    #expect(configuration.fuseOptions.allowOther && configuration.fuseOptions.allowExecution)
    #expect(configuration.commitAfter == .seconds(90) && configuration.retryLock == .zero)
  }

  @Test("choose what is served: everything, safe configurations, or only what is safe for git")
  func rules() throws {
    #expect(try configuration([]).rules == .everything)
    let safe = try configuration(["--safe-config"]).rules
    #expect(safe.showsSafeConfiguration && !safe.servesRegularFilesOnly)
    for hidden in [["--exit-with-fd=3"], ["--keep-alive-file=/x", "--keep-alive=1m"]] {
      let git = try configuration(hidden + ["--refresh=1s", "--object-format=sha256"])
      #expect(git.rules == .forGit && git.rules.showsSafeConfiguration && git.rules.servesRegularFilesOnly)
      // Nothing is looked at in one state and used in another.
      #expect(git.refreshInterval == nil && git.objectFormat == .sha256)
    }
  }

  @Test("choose the snapshots to keep with restic's options; a mount that saves nothing forgets nothing")
  func retention() throws {
    #expect(try configuration([]).retention.isEmpty)
    let policy = try configuration([
      "--keep-last", "5", "--keep-daily=7", "--keep-weekly", "-1", "--keep-yearly", "unlimited", "--keep-within",
      "1y2m",
      "--keep-within-hourly=2d", "--keep-tag", "a,b", "--keep-tag=c",
    ]).retention
    var expected = RetentionPolicy()
    expected.last = .number(5)
    expected.counts = [.daily: .number(7), .weekly: .unlimited, .yearly: .unlimited]
    expected.within = RetentionPeriod(years: 1, months: 2)
    expected.withins = [.hourly: RetentionPeriod(days: 2)]
    expected.tags = [["a", "b"], ["c"]]
    #expect(policy == expected)
    #expect(throws: CommandError.self) { try configuration(["--keep-last=1", "--read-only"]) }
    // git-remote-restic gives one configuration to mounts of both kinds.
    #expect(try configuration(["--keep-last=1", "--read-only", "--exit-with-fd=3"]).isReadOnly)
    for wrong in ["--keep-last=-2", "--keep-daily=x", "--keep-within=7", "--keep-within-daily=1w"] {
      #expect(throws: (any Error).self) { try configuration([wrong]) }
    }
  }

  @Test("allow no lock only for a read-only mount")
  func noLock() throws {
    for readOnly in [["--read-only"], ["--snapshot", "1a2b"], ["-o", "ro"]] {
      #expect(try !configuration(["--no-lock"] + readOnly).takesLock)
      #expect(try configuration(readOnly).takesLock)
    }
    #expect(throws: CommandError.self) { try configuration(["--no-lock"]) }
  }

  @Test("mount a snapshot by its id read-only, and `latest` writable")
  func snapshot() throws {
    let old = try configuration(["--snapshot", "1a2b"])
    #expect(old.selection == .fixed(.idPrefix("1a2b"), folder: []) && old.isReadOnly && old.fuseOptions.readOnly)
    let folder = try configuration(["--snapshot", "1a2b:/srv//git/./p.git/"])
    #expect(folder.selection == .fixed(.idPrefix("1a2b"), folder: ["srv", "git", "p.git"]) && folder.isReadOnly)
    let newest = try configuration(["--snapshot", "latest:a:b", "--host", "h"])
    #expect(newest.selection == .fixed(.newest(SnapshotFilter(hosts: ["h"])), folder: ["a:b"]) && newest.isReadOnly)
    #expect(try configuration(["--snapshot", "latest:/"]).selection == .latest(SnapshotFilter()))
    #expect(throws: CommandError.self) { try configuration(["--snapshot", "latest:/a/../../b"]) }
    #expect(try !configuration(["--snapshot", "latest"]).isReadOnly)
  }

  @Test("filter by hosts, tags and paths; a comma between tags asks for all of them")
  func filter() throws {
    let configuration = try configuration([
      "--host", "a", "--host", "b", "--tag", "x,y", "--tag", "z", "--path", "/git", "--path", "/etc/../srv/",
    ])
    let filter = SnapshotFilter(hosts: ["a", "b"], tags: [["x", "y"], ["z"]], paths: ["/git", "/srv"])
    #expect(configuration.selection == .latest(filter))
    // The same filter must find the saved snapshot.
    #expect(configuration.identity.hostname == "a")
  }

  @Test("take the host from RESTIC_HOST unless a host, or an empty one, is given")
  func host() throws {
    let fromVariable = try configuration([], [.host: "c"])
    #expect(fromVariable.selection == .latest(SnapshotFilter(hosts: ["c"])) && fromVariable.identity.hostname == "c")
    #expect(try configuration(["--host", "a"], [.host: "c"]).identity.hostname == "a")
    #expect(try configuration(["--host", ""], [.host: "c"]).selection == .latest(SnapshotFilter()))
  }

  @Test("after -o are split at commas; unknown ones are passed on to FUSE")
  func fuseOptions() throws {
    let configuration = try configuration(["-o", "ro,allow_other,max_read=4096", "-oexec", "-o", "nodev"])
    #expect(configuration.isReadOnly && configuration.fuseOptions.readOnly)
    #expect(configuration.fuseOptions.allowOther && configuration.fuseOptions.allowExecution)
    #expect(configuration.fuseOptions.additionalOptions == ["max_read=4096"])
    #expect(try MountOptionList(["exec,noexec", #"a\,b"#]).others == [#"a\,b"#])
    #expect(try !MountOptionList(["exec,noexec"]).allowsExecution)
  }

  @Test("after -o that are meant for mount(8) and systemd are accepted and have no effect")
  func fstabOptions() throws {
    let list = try MountOptionList([
      "user,_netdev,x-systemd.automount,noauto,nofail,X-mount.mkdir,comment=x,users,owner"
    ])
    #expect(list == (try MountOptionList([])))
  }

  @Test("refuse a relative --path")
  func relativePath() {
    #expect(throws: (any Error).self) { try configuration(["--path", "git"]) }
  }

  @Test("suggest -r for mount REPOSITORY FOLDER")
  func surplusArgument() {
    let error = #expect(throws: (any Error).self) { try MountCommand.parse(["-r", "/r", "/repository", "/folder"]) }
    #expect(error.map { MountCommand.message(for: $0).contains("mount -r /repository /folder") } == true)
  }

  @Test("after -o or --option that name a storage are passed to the storage, also among others or with commas")
  func storageOptions() throws {
    let list = try MountOptionList(["ro,local.connections=2,exec", "S3.list=a,b", "local.layout=default"])
    #expect(list.storage == ["local.connections=2", "S3.list=a,b", "local.layout=default"])
    #expect(list.isReadOnly && list.allowsExecution && list.others.isEmpty)
    #expect(try configuration(["--option=ro", "-o", "local.connections=2"]).fuseOptions.additionalOptions.isEmpty)
    // A program that mounts for itself cannot loosen the mount by them.
    #expect(try !configuration(["--exit-with-fd=3", "--option=exec"]).fuseOptions.allowExecution)
  }

  @Test(
    "after -o that would weaken the mount or hide it are refused", arguments: ["suid", "dev", "nonempty", "subtype=x"])
  func refusedFuseOptions(option: String) {
    #expect(throws: CommandError.self) { try MountOptionList([option]) }
  }

  @Test("after -o that hold a password are refused without the password")
  func secretOptions() {
    for option in ["password=geheim", "ro,pass=geheim"] {
      let error = #expect(throws: CommandError.self) { try MountOptionList([option]) }
      #expect(error?.description.contains("geheim") == false && error?.description.contains("password-file") == true)
    }
  }

  @Test("set the compression and the size of packs; options win over variables")
  func storage() throws {
    func options(_ arguments: [String]) throws -> StorageOptions { try StorageOptions.parse(arguments) }
    let variables = Environment([.compression: "max", .packSize: "64"])
    #expect(try options([]).compressionMode(Environment([:])) == .auto)
    #expect(try options([]).packByteCount(Environment([:])) == nil)
    #expect(try options([]).compressionMode(variables) == .max)
    #expect(try options([]).packByteCount(variables) == 64 << 20)
    #expect(try options(["--compression", "off"]).compressionMode(variables) == .off)
    #expect(try options(["--pack-size", "4"]).packByteCount(variables) == 4 << 20)
    for size in ["3", "129", "-1", "x"] {
      #expect(throws: CommandError.self) { try options(["--pack-size=\(size)"]).packByteCount(variables) }
    }
    #expect(throws: CommandError.self) { try options([]).compressionMode(Environment([.compression: "best"])) }
  }

  @Test("-q and -v exclude each other")
  func verbosity() throws {
    #expect(throws: (any Error).self) { try OutputOptions.parse(["-q", "-v"]) }
    #expect(try OutputOptions.parse(["-q"]).logLevel == .error)
    #expect(try OutputOptions.parse([]).logLevel == .warning)
    #expect(try OutputOptions.parse(["-vv"]).logLevel == .debug)
    #expect(try OutputOptions.parse(["-v", "--verbose", "-v"]).logLevel == .trace)
  }

  @Test("may precede the command, as with restic")
  func order() {
    func moved(_ arguments: String) -> String {
      GlobalOptionOrder.commandFirst(arguments.split(separator: " ").map(String.init)).joined(separator: " ")
    }
    #expect(moved("-r mount mount /mnt") == "mount -r mount /mnt")
    #expect(moved("--repo=/v -vv snapshots --json") == "snapshots --repo=/v -vv --json")
    #expect(moved("-q --password-file p -o ro mount -f /mnt") == "mount -q --password-file p -o ro -f /mnt")
    #expect(moved("mount -r v /mnt") == "mount -r v /mnt")
    #expect(moved("-r") == "-r")
    #expect(moved("-v --help mount") == "-v --help mount")
    #expect(moved("--version") == "--version")
    #expect(moved("") == "")
  }

  @Test("reach the serving process unchanged, after the hidden option")
  func detaching() {
    #expect(
      DetachedMount.arguments(["mount", "-r", "v", "/mnt"], readyDescriptor: 7)
        == ["mount", "--ready-fd", "7", "-r", "v", "/mnt"])
  }
}
