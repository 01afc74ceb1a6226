/// How many files a git repository has of the kinds that housekeeping reduces.
struct RepositoryCounts: Hashable, Sendable, Codable {
  /// git packfiles, except those that are to be kept (`.keep`).
  var packfiles = 0
  /// Files in `refs`.
  var looseReferences = 0
  /// Objects in files of their own. If the exact number is not needed: 256 times the number in one of the 256 folders,
  /// as git counts.
  var looseObjects = 0
}
