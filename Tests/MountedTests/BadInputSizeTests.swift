import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

// R12 Whoever owns the storage can put files of any size and kind there: no memory is taken for them, and a mount stays.
@Suite("Odd files in the repository's folder")
struct BadInputSizeTests {
  /// The memory limit of a serving process in these tests, in KiB; a file of 3 GiB took 3.2 GB and more.
  private static let memoryLimit = 400 << 10

  @Test("a file of a tebibyte beside a mount with unsaved data: the mount goes on, and saves its data")
  func hugeFiles() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init", "--refresh", "1s"])
      try await vault.shell("echo first > first")
      try await vault.sync()
      for folder in ["snapshots", "index", "keys", "locks"] {
        try await vault.shell("head -c 300000 /dev/urandom > \(folder); cp \(folder) \"$T/copy-\(folder)\"")
        let planted = try vault.plant(folder, digit: "a")
        try await vault.run("truncate", ["-s", "1T", planted.string])
        let name = "\(folder)/\(try #require(planted.lastComponent).string)"
        if folder == "snapshots" {
          try await vault.wait(for: "a poll") { vault.logText.contains("\(name) is damaged") }
        }
        if folder == "locks" {
          let message = try await vault.expectFailure(
            ["sync", vault.mountpoint.string], code: 1, saying: "\(name) is damaged", "restic unlock --remove-all")
          #expect(message.contains("nothing is lost"))
          try await vault.restic(["unlock", "--remove-all"])
          #expect(try vault.stored("locks").isEmpty)
        }
        #expect(try await vault.sync().changed)
        #expect(try await vault.status().state == "clean")
        try await vault.expectLittleMemory(Self.memoryLimit)
        if folder == "snapshots" {
          let warnings = vault.logText.split(separator: "\n").filter { $0.contains("\(name) is damaged") }
          #expect(warnings.count == 1, "one warning, and not one a second")
        }
        if folder == "index" {
          try await vault.expectRefusal(
            ["mount", try vault.makeFolder("other").string], code: 1, saying: "\(name) is damaged", "remove the file")
        } else {
          // A mount that begins now passes it over.
          try await vault.mount(["--no-git-init"], at: "other")
          try await vault.shell("cmp \(folder) \"$T/copy-\(folder)\"", in: vault.path("other"))
          try await vault.unmount(at: "other")
        }
        if folder != "locks" { try FileManager.default.removeItem(atPath: planted.string) }
        try await vault.shell("cmp \(folder) \"$T/copy-\(folder)\"")
      }
      try await vault.unmount()
    }
  }

  @Test(
    "a false index of three gibibytes is checked in pieces, and a mount that saves beside it needs little memory")
  func largeIndex() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo first > first")
      // Within the limit of an index file, and beyond it.
      for size in ["500M", "3G"] {
        let planted = try vault.plant("index", digit: "b")
        try await vault.run("truncate", ["-s", size, planted.string])
        try await vault.shell("echo \(size) > more")
        #expect(try await vault.sync().changed)
        try await vault.expectLittleMemory(Self.memoryLimit)
        try FileManager.default.removeItem(atPath: planted.string)
      }
      try await vault.unmount()
    }
  }

  @Test(
    "a fifo, a socket and a link count neither as a key nor as a snapshot, index, lock or pack; as the config they are an error"
  )
  func irregularFiles() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo first > first")
      try await vault.unmount()
      let secret = vault.path("secret")
      try Data("secret".utf8).write(to: URL(fileURLWithPath: secret.string))
      for (digit, make) in [("a", "mkfifo"), ("b", "ln -s '\(secret)'")] {
        for folder in ["keys", "snapshots", "index", "locks", "data/\(digit)\(digit)"] {
          try await vault.shell("\(make) '\(try vault.plant(folder, digit: digit))'", in: vault.folder)
        }
      }
      try await vault.mount(["--no-git-init"])
      #expect(try await vault.shell("cat first") == "first")
      try await vault.shell("echo second > second")
      try await vault.unmount()
      for digit in ["a", "b"] {
        for folder in ["keys", "snapshots", "index", "locks", "data/\(digit)\(digit)"] {
          #expect(unlink(try vault.plant(folder, digit: digit).string) == 0)
        }
      }
      let config = vault.repository.appending("config")
      for make in ["mkfifo", "ln -s '\(vault.path("kept"))'"] {
        try await vault.shell("mv '\(config)' kept; \(make) '\(config)'", in: vault.folder)
        try await vault.expectRefusal(["mount", vault.mountpoint.string], code: 1, saying: "config is a")
        try await vault.shell("rm '\(config)'; mv kept '\(config)'", in: vault.folder)
      }
    }
  }

  // The advice for a damaged file repairs it, with the installed restic.
  @Test("an empty file that a power cut left: the advice in the message repairs the repository")
  func remedies() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init"])
      try await vault.shell("echo first > first")
      try await vault.unmount()
      let mount = ["mount", "--no-git-init", vault.mountpoint.string]

      try Data().write(to: URL(fileURLWithPath: try vault.plant("index", digit: "c").string))
      try await vault.expectRefusal(mount, code: 1, saying: "is damaged", "is empty", "rebuild-index")
      try await vault.restic(["rebuild-index"])
      try await vault.mount(["--no-git-init"])

      try Data("garbage".utf8).write(to: URL(fileURLWithPath: try vault.plant("locks", digit: "c").string))
      try await vault.shell("echo second > second")
      try await vault.expectFailure(
        ["sync", vault.mountpoint.string], code: 1, saying: "locks/cccc", "restic unlock --remove-all")
      try await vault.restic(["unlock", "--remove-all"])
      try await vault.unmount()

      // Empty snapshots, locks and keys are passed over.
      for folder in ["snapshots", "locks", "keys"] {
        try Data().write(to: URL(fileURLWithPath: try vault.plant(folder, digit: "d").string))
      }
      try await vault.mount(["--no-git-init"])
      #expect(try await vault.shell("cat second") == "second")
      try await vault.unmount()
      for folder in ["snapshots", "locks", "keys"] {
        try FileManager.default.removeItem(atPath: try vault.plant(folder, digit: "d").string)
      }

      let planted = try vault.plant("snapshots", digit: "e")
      try Data(repeating: 7, count: 300).write(to: URL(fileURLWithPath: planted.string))
      try await vault.expectRefusal(mount, code: 1, saying: "snapshots/eeee", "may be the newest", "remove the file")
      try FileManager.default.removeItem(atPath: planted.string)
      try await vault.mount(["--no-git-init"])
      try await vault.unmount()
    }
  }
}

extension MountedRepository {
  /// The path of a file in a folder of the repository whose name is 64 times `digit`.
  func plant(_ folder: String, digit: String) throws -> FilePath {
    repository.appending("\(folder)/\(String(repeating: digit, count: 64))")
  }

  /// Fails the test if the process that serves the mount ever needed more than `limit` KiB.
  func expectLittleMemory(_ limit: Int, at location: SourceLocation = #_sourceLocation) async throws {
    let pid = try await status().pid
    let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let words = line?.split(whereSeparator: \.isWhitespace) ?? []
    let peak = try #require(words.count > 1 ? Int(words[1]) : nil, sourceLocation: location)
    #expect(peak < limit, "\(peak) KiB", sourceLocation: location)
  }
}
