/// Index files that were read once, here or by another process of this machine, are not read again.
extension Repository {
  /// Fewer files are read as fast as the record is.
  private static let leastCount = 16

  /// Takes over what the record has of `unknown`, listed index files that are not loaded yet, and returns it. Inside the gate.
  func takeOverRecordedIndexFiles(_ unknown: [BackendEntry]) async -> [BackendFile: RecordedIndexFile] {
    guard unknown.count >= Self.leastCount, let news = await indexRecord?.news(), !news.isEmpty else { return [:] }
    let byteCounts = Dictionary(
      unknown.lazy.map { ($0.file, $0.byteCount) }, uniquingKeysWith: { first, _ in first })
    var taken: [BackendFile: RecordedIndexFile] = [:]
    taken.reserveCapacity(news.count)
    // A file of another size is not what was read. The record may have a file twice.
    for file in news where byteCounts[.index(file.id)] == file.byteCount { taken[.index(file.id)] = file }
    let files = Array(taken.values)
    directory.withLock { directory in
      for file in files { directory.insert(file: file.id, packs: file.packs) }
    }
    return taken
  }

  /// Has the record hear of index files that were `read`, where there are so many that they matter. With `recorded`, all other
  /// listed ones that it has, the record is put in order where that is due.
  func record(_ read: [RecordedIndexFile], beside recorded: [RecordedIndexFile]?, listedCount: Int) async {
    guard listedCount >= Self.leastCount, let indexRecord else { return }
    guard let recorded else { return await indexRecord.add(read) }
    await indexRecord.update(adding: read, listedCount: listedCount) { recorded + read }
  }

  /// Has the record hear of an index file that this process has saved, while the caller goes on.
  func recordBeside(_ saved: RecordedIndexFile) {
    guard directory.withLock({ $0.index.files.count }) >= Self.leastCount else { return }
    indexRecord?.addBeside(saved)
  }
}
