/// How many files of a git repository housekeeping would make fewer.
struct RepositoryCounts: Hashable, Sendable, Codable {
  /// git packfiles but for those that are to be kept (`.keep`).
  var packfiles = 0
  /// Files in `refs`.
  var looseReferences = 0
  /// Objects in files of their own. Where they need not be known exactly, 256 times what one folder of 256 holds, as git counts.
  var looseObjects = 0
}
