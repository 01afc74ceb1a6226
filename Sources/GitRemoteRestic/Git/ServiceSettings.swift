/// What git's server programs are told, whatever the user's own configuration says. Of the stored repository's the private
/// mount shows them only what can do no harm (`restic-gitfs mount --safe-config`).
enum ServiceSettings {
  /// Nothing runs, and no work tree is written to. No push cuts the stored history off: a first push is believed to be
  /// complete (`StoredCompleteness`). Pushes are one git packfile, without an automatic gc and without a reverse index
  /// (`.rev`, which only makes the directory larger that each push stores); shallow and partial clones and push options
  /// are served, as by the services of a hosted repository.
  private static let settings = [
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.alternateRefsCommand=true", "core.sshCommand=false",
    "core.gitProxy=", "core.askPass=", "core.editor=false", "core.pager=", "gc.auto=0", "receive.autogc=false",
    "maintenance.auto=false", "credential.helper=", "gpg.program=false", "protocol.allow=never",
    "receive.denyCurrentBranch=ignore", "receive.updateServerInfo=false", "receive.unpackLimit=1",
    "receive.shallowUpdate=false", "pack.writeReverseIndex=false", "receive.advertisePushOptions=true",
    "uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true",
  ]

  /// What `git` is to be called with, before the subcommand.
  static let arguments = settings.flatMap { ["-c", $0] }
}
