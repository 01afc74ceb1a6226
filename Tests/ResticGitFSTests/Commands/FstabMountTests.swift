import ArgumentParser
import Foundation
import Testing

@testable import ResticGitFS

@Suite("The command lines of mount(8) and umount(8)")
struct FstabMountTests {
  private func mounting(_ options: String, more: [String] = []) throws -> FstabMount {
    try FstabMount.mounting(["sftp:user@nas:vault", "/mnt/vault"] + more + ["-o", options])
  }

  @Test("the name decides which program runs, wherever the file is")
  func names() {
    for name in ["/sbin/mount.restic-gitfs", "mount.fuse.restic-gitfs"] {
      #expect(CalledProgram(called: name) == .mount)
    }
    #expect(CalledProgram(called: "/usr/sbin/umount.fuse.restic-gitfs") == .unmount)
    for name in ["/usr/bin/restic-gitfs", "restic-gitfs", "", "./mount.restic-gitfs.old"] {
      #expect(CalledProgram(called: name) == .commandLine)
    }
  }

  @Test("exit codes are those of mount(8)")
  func codes() {
    #expect(CalledProgram.commandLine.exitCode(.wrongPassword) == 12)
    #expect(CalledProgram.mount.exitCode(.success) == 0)
    #expect(CalledProgram.mount.exitCode(.wrongPassword) == 32)
    #expect(CalledProgram.mount.exitCode(.interrupted) == 8)
    #expect(CalledProgram.unmount.exitCode(.partial) == 0)
    #expect(CalledProgram.unmount.exitCode(.failure) == 32)
  }

  @Test("mount gets the location and the folder, and the mount's source is the location")
  func plain() throws {
    #expect(
      try FstabMount.mounting(["/srv/vault", "/mnt", "-o", "rw"]).arguments
        == ["mount", "--repo=/srv/vault", "--source-name=/srv/vault", "-o", "rw", "--", "/mnt"])
    #expect(try FstabMount.mounting(["none", "/mnt", "-o", "rw"]).arguments == ["mount", "-o", "rw", "--", "/mnt"])
    #expect(
      try FstabMount.mounting(["vault", "/mnt", "-o", "repository_file=/etc/vault"]).arguments
        == ["mount", "--repository-file=/etc/vault", "--", "/mnt"])
    #expect(try mounting("rw", more: ["-v", "-sn", "-t", "fuse.restic-gitfs"]).arguments.contains("--verbose"))
    #expect(try mounting("rw", more: ["-f"]).isFake)
  }

  @Test("the command's options have no dashes there; options of mount(8) and systemd are dropped or passed on")
  func options() throws {
    let mount = try mounting(
      "rw,noexec,user=anna,_netdev,nofail,x-systemd.automount,x-gvfs-name=a\\,b,relatime,password_file=/p,tag=a,no_cache,"
        + "allow_other,s3.region=eu")
    #expect(
      mount.arguments.dropFirst(3).dropLast(2)
        == [
          "-o", "rw", "-o", "noexec", "--password-file=/p", "--tag=a", "--no-cache", "-o", "allow_other", "-o",
          "s3.region=eu",
        ])
  }

  @Test("a value in double quotes, or with backslashes, may hold commas")
  func quotes() throws {
    let command = try mounting(#"password-command="pass show a,b",sftp.args="-i f,-v",tag=c\,d"#)
    #expect(
      command.arguments.dropFirst(3).dropLast(2)
        == ["--password-command=pass show a,b", "-o", "sftp.args=-i f,-v", "--tag=c,d"])
    #expect(FstabOptions.split(#"a=\x\\\",b"#) == [#"a=\x\""#, "b"])
  }

  @Test("general options without a meaning here are accepted; with -s unknown options are dropped")
  func sloppy() throws {
    let options = "rw,nodiratime,silent,nomand,iversion,uhelper=x"
    #expect(try MountOptionList([options]).others.isEmpty)
    for more in [["-s"], []] {
      let mount = try mounting(
        "ro,foo,bar=1,tag=a,max_read=9,local.connections=2\(more.isEmpty ? ",sloppy" : "")", more: more)
      #expect(
        mount.arguments.dropFirst(3).dropLast(2)
          == ["-o", "ro", "--tag=a", "-o", "max_read=9", "-o", "local.connections=2"])
    }
    #expect(try mounting("foo").arguments.contains("foo"))
  }

  @Test("users and variables are extracted from the options")
  func surroundings() throws {
    let mount = try mounting("setuid=anna,env.AWS_PROFILE=vault,env.HTTPS_PROXY=http://p:1/?a=b")
    #expect(mount.user == "anna")
    #expect(mount.variables == ["AWS_PROFILE": "vault", "HTTPS_PROXY": "http://p:1/?a=b"])
    #expect(
      mount.arguments == [
        "mount", "--repo=sftp:user@nas:vault", "--source-name=sftp:user@nas:vault", "--", "/mnt/vault",
      ])
  }

  @Test(
    "secrets, remounting and other mount namespaces are refused",
    arguments: [
      "password=x", "pass=x", "passphrase=x", "env.RESTIC_PASSWORD=x", "env.AWS_SECRET_ACCESS_KEY=x", "env.=x",
      "remount",
    ])
  func refused(option: String) {
    #expect(throws: CommandError.self) { try mounting("ro,\(option)") }
    #expect(throws: CommandError.self) { try mounting("ro", more: ["-N", "1"]) }
  }

  @Test(
    "an invalid command line is refused",
    arguments: [[], ["a"], ["a", "b", "c"], ["a", "b", "-o"], ["a", "b", "--help"], ["a", "b", "-x"]])
  func malformed(arguments: [String]) {
    #expect(throws: CommandError.self) { try FstabMount.mounting(arguments) }
    if arguments != ["a"] { #expect(throws: CommandError.self) { try FstabMount.unmounting(arguments) } }
  }

  @Test("umount passes on force and laziness, and prints nothing unless asked to")
  func unmounting() throws {
    #expect(
      try FstabMount.unmounting(["/mnt"]).arguments == ["umount", "--for-umount=ifUnused", "--quiet", "--", "/mnt"])
    #expect(try FstabMount.unmounting(["/mnt", "-l"]).arguments.contains("--for-umount=detached"))
    #expect(try FstabMount.unmounting(["/mnt", "-fv"]).arguments == ["umount", "--for-umount=forced", "--", "/mnt"])
  }

  @Test("every option of mount is an option in /etc/fstab, or has a reason not to be")
  func complete() throws {
    struct Dump: Decodable {
      struct Name: Decodable { let kind, name: String }
      struct Argument: Decodable {
        let kind: String
        let names: [Name]?
        let shouldDisplay: Bool
      }
      struct Command: Decodable { let arguments: [Argument] }
      let command: Command
    }
    let dump = try JSONDecoder().decode(Dump.self, from: Data(MountCommand._dumpHelp().utf8))
    for argument in dump.command.arguments where argument.shouldDisplay && argument.kind != "positional" {
      let name = try #require(argument.names?.first { $0.kind == "long" }?.name)
      let known = argument.kind == "option" ? FstabOptions.optionsWithValue : FstabOptions.flags
      #expect(known.contains(name) || FstabOptions.others.contains(name), "\(name)")
    }
  }
}
