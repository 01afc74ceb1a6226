import ArgumentParser
import Logging
import ResticCore
import SystemPackage

/// The cache of repositories on this machine: restic's options and variables.
struct CacheOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The cache folder, shared with restic (default: $RESTIC_CACHE_DIR, else ~/.cache/restic).",
      valueName: "folder"), completion: .directory)
  var cacheDir: String?

  @Flag(help: "Use no cache: everything is read from the storage, and nothing is kept.")
  var noCache = false

  @Flag(help: "Remove the caches of repositories that nobody has used for 30 days.")
  var cleanupCache = false

  /// The cache place for the repository at `location`, on `backend`; nil if caching is off, or if there is no place.
  func place(
    for location: BackendLocation, on backend: any Backend, logger: Logger, _ environment: Environment
  ) async -> CachePlace? {
    guard !noCache else { return nil }
    let folder = CachePlace.folder(
      explicit: cacheDir, variable: environment[.cacheFolder], cacheHome: environment[.cacheHome],
      home: environment[.home])
    guard let folder else {
      logger.info("no cache: there is no home folder; set --cache-dir or RESTIC_CACHE_DIR to have one")
      return nil
    }
    // A repository on a disk of this machine needs no cached files.
    var isAtHand = false
    if location.localPath != nil { isAtHand = await backend.listingsAreImmediate(of: .index) }
    return CachePlace(folder: folder.absolute(), keepsFiles: !isAtHand)
  }

  /// Removes old caches if requested; otherwise names them in the log with `-v`, in restic's words.
  func cleanUp(_ place: CachePlace, logger: Logger, in context: CommandContext) async {
    guard cleanupCache || logger.logLevel <= .info else { return }
    let executor = BlockingExecutor(threadCount: 1)
    let old = await executor.run { CacheCleanup(in: place.folder) }
    guard old.count > 0 else { return }
    guard cleanupCache else {
      logger.info(
        "found \(old.count) old cache directories in \(place.folder), run `restic cache --cleanup` to remove them")
      return
    }
    if logger.logLevel <= .warning { context.warn("removing \(old.count) old cache dirs from \(place.folder)") }
    for failure in await executor.run({ old.run() }) { logger.warning("\(failure)") }
  }
}
