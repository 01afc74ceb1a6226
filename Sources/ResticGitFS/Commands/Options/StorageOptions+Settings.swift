import Logging
import ResticCore

extension StorageOptions {
  /// The memory limit, or the part of it that the process's own limits allow. Tells the pool when writers are refused.
  func memoryBudget(logger: Logger) throws(CommandError) -> MemoryBudget {
    let room = MemoryRoom.byteCount()
    guard let budget = memoryLimit.fitting(room) else {
      throw CommandError(
        "a mount needs \(MemoryBudget.leastRoom >> 20) MiB more than this process has, and its limits leave "
          + "\((room ?? 0) >> 20): see `ulimit -a` and the memory limit of its control group")
    }
    if budget != memoryLimit {
      logger.notice("the limits of this process leave \(budget.byteLimit >> 20) MiB for --memory-limit")
    }
    BufferPool.shared.limitLent(to: budget.lentByteLimit(room))
    return budget
  }

  /// The settings for opening a repository that will be written to.
  func settings(
    _ memory: MemoryBudget, logger: Logger, _ environment: Environment
  ) throws(CommandError) -> Repository.Settings {
    var settings = Repository.Settings()
    settings.compression = try compressionMode(environment)
    settings.packByteCount = min(try packByteCount(environment) ?? settings.packByteCount, memory.packByteLimit)
    settings.packsInFlight = memory.packsInFlight
    settings.logger = logger
    return settings
  }
}
