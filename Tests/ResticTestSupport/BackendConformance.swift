public import ResticCore

/// The rules of `Backend`, as checks that every backend and decorator has to pass.
///
/// `violations` returns one sentence for each broken promise, so that a test reads
/// `#expect(await BackendConformance(backend).violations() == [])` and a broken backend can be shown to be found.
/// Effects of a power cut or a killed process are not checked here, but by `LocalBackend`'s own tests.
public struct BackendConformance: Sendable {
  /// Puts a file under a name that is not an id into the folder of a type, past the backend.
  public typealias Planter = @Sendable (_ type: BackendFileType, _ name: String) async throws -> Void

  private let backend: any Backend
  private let plant: Planter?
  private let replacesFiles: Bool
  private let tellsMissing: Bool
  private let report = ConformanceReport()

  /// Checks `backend`, an empty storage on which `create` has not been called. `plant` is given where something else than
  /// a repository's files can get onto the storage. `replacesFiles`: the storage replaces a file that is saved with other
  /// bytes, unless it is config (rule 2). `tellsMissing`: it says that a file which is to be removed is not there.
  public init(
    _ backend: any Backend, plant: Planter? = nil, replacesFiles: Bool = false, tellsMissing: Bool = true
  ) {
    self.backend = backend
    self.plant = plant
    self.replacesFiles = replacesFiles
    self.tellsMissing = tellsMissing
  }

  /// Every promise that `backend` breaks.
  public func violations() async -> [String] {
    await report.expect("create succeeds, and again") {
      try await backend.create()
      try await backend.create()
    }
    for type in BackendFileType.allCases {
      await report.expect("a new repository lists no \(type.rawValue)", [] as Set) { Set(try await backend.list(type)) }
    }
    for type in BackendFileType.allCases {
      await checkOneFile(file(type, 1))
    }
    await checkTypesAreApart()
    await checkSizes()
    await checkLimits()
    await checkConcurrency()
    await checkForeignNames()
    await report.expect("no more room is available than there is", true) {
      guard let capacity = try await backend.capacity() else { return true }
      return capacity.availableByteCount <= capacity.totalByteCount
    }
    return report.violations
  }

  private func checkOneFile(_ file: BackendFile) async {
    var random = SplitMix64(seed: 1)
    let bytes = random.bytes(1000)

    await checkMissing(file)
    await report.expect("\(file) is saved") { try await backend.save(file, bytes) }
    await checkStored(file, bytes)
    await report.expect("\(file) was written a moment ago, if the storage says when", true) {
      guard let time = try await backend.writeTime(of: file) else { return true }
      return abs(Timestamp.now().seconds - time.seconds) < 600
    }
    await checkRanges(file, bytes)
    await report.expect("the same bytes are saved again") { try await backend.save(file, bytes) }
    let others = [Array(bytes.dropLast()), bytes + [0], [], Array(bytes.dropLast()) + [bytes[999] ^ 1]]
    for other in others where !replacesFiles || file == .config {
      await report.expect("\(other.count) other bytes are refused", .alreadyExists(file)) {
        try await backend.save(file, other)
      }
    }
    await checkStored(file, bytes)
    await report.expect("\(file) is removed") { try await backend.remove(file) }
    await checkMissing(file)
    await report.expect("a removed file can be saved anew, with other bytes") {
      try await backend.save(file, [1, 2, 3])
    }
    await checkStored(file, [1, 2, 3])
    await report.expect("\(file) is removed again") { try await backend.remove(file) }
  }

  private func checkMissing(_ file: BackendFile) async {
    await report.expect("load of a missing \(file)", .notFound(file)) { _ = try await backend.load(file) }
    await report.expect("range of a missing \(file)", .notFound(file)) {
      _ = try await backend.load(file, range: 0..<1)
    }
    await report.expect("byteCount of a missing \(file)", .notFound(file)) { _ = try await backend.byteCount(of: file) }
    if tellsMissing {
      await report.expect("remove of a missing \(file)", .notFound(file)) { try await backend.remove(file) }
    } else {
      await report.expect("a missing \(file) is removed") { try await backend.remove(file) }
    }
    await report.expect("a missing \(file) is not listed", false) {
      try await backend.list(file.type).contains { $0.file == file }
    }
  }

  private func checkStored(_ file: BackendFile, _ bytes: [UInt8]) async {
    await report.expect("\(file) is loaded as it was saved", bytes) { try await backend.load(file).array }
    await report.expect("byteCount of \(file)", bytes.count) { try await backend.byteCount(of: file) }
    await report.expect("\(file) is listed once, with its size", [BackendEntry(file: file, byteCount: bytes.count)]) {
      try await backend.list(file.type).filter { $0.file == file }
    }
  }

  private func checkRanges(_ file: BackendFile, _ bytes: [UInt8]) async {
    let count = bytes.count
    for range in [0..<count, 0..<1, count - 1..<count, 17..<500, 0..<0, 9..<9, count..<count] {
      await report.expect("\(range) of \(file)", Array(bytes[range])) {
        try await backend.load(file, range: range).array
      }
    }
    for range in [0..<count + 1, count..<count + 1, count + 1..<count + 1, 5000..<6000, 0..<Int.max] {
      await report.expect("\(range), beyond the end of \(file)", .truncated(file)) {
        _ = try await backend.load(file, range: range)
      }
    }
  }

  private func checkTypesAreApart() async {
    let types = BackendFileType.allCases.filter { $0 != .config }
    for (index, type) in types.enumerated() {
      await report.expect("one name in every type") { try await backend.save(file(type, 2), [UInt8(index)]) }
    }
    for (index, type) in types.enumerated() {
      await checkStored(file(type, 2), [UInt8(index)])
      await report.expect("only \(type.rawValue) is removed") { try await backend.remove(file(type, 2)) }
    }
  }

  private func checkSizes() async {
    var random = SplitMix64(seed: 3)
    for byteCount in [0, 1, 4096, 5 << 20 + 1] {
      let bytes = random.bytes(byteCount)
      let file = file(.data, UInt64(1000 + byteCount))
      await report.expect("\(byteCount) bytes are saved") { try await backend.save(file, bytes) }
      await checkStored(file, bytes)
      await report.expect("\(byteCount) bytes are removed") { try await backend.remove(file) }
    }
  }

  /// A file is loaded as a whole up to the limit of its type, and in ranges beyond it.
  private func checkLimits() async {
    for type in BackendFileType.allCases where type.wholeByteLimit < 32 << 20 {
      let limit = type.wholeByteLimit
      for byteCount in [limit, limit + 1] {
        let bytes = [UInt8](repeating: 7, count: byteCount)
        let file = file(type, 5000)
        await report.expect("\(byteCount) bytes of \(type.rawValue) are saved, and again") {
          try await backend.save(file, bytes)
          try await backend.save(file, bytes)
        }
        if byteCount == limit {
          await report.expect("\(file) is loaded as a whole", limit) { try await backend.load(file).byteCount }
        } else {
          await report.expect("\(file) is too large", .tooLarge(file, byteCount: byteCount)) {
            _ = try await backend.load(file)
          }
          await report.expect("a range of \(file)", [7, 7]) {
            try await backend.load(file, range: limit - 1..<limit + 1).array
          }
        }
        await report.expect("\(file) is removed") { try await backend.remove(file) }
      }
    }
  }

  private func checkConcurrency() async {
    let files = (0..<64).map { file(.data, UInt64(2000 + $0)) }
    await withTaskGroup { group in
      for file in files {
        group.addTask {
          await report.expect("concurrent saves of many files") { try await backend.save(file, Array(file.name.utf8)) }
          await report.expect("what was saved is seen at once", Array(file.name.utf8)) {
            try await backend.load(file).array
          }
          await report.expect("what was saved is listed at once", true) {
            try await backend.list(.data).contains { $0.file == file }
          }
        }
      }
    }
    await report.expect("concurrent saves are all listed", Set(files)) {
      Set(try await backend.list(.data).map(\.file))
    }
    await withTaskGroup { group in
      for file in files {
        group.addTask { await report.expect("concurrent removes") { try await backend.remove(file) } }
      }
    }
    await checkRace(of: 16, on: file(.index, 3000))
  }

  /// Of several writers of different bytes exactly one wins; of the same bytes, all do.
  private func checkRace(of writerCount: Int, on file: BackendFile) async {
    if !replacesFiles { await checkWinner(of: writerCount, on: file) }
    await withTaskGroup { group in
      for _ in 0..<writerCount {
        group.addTask {
          await report.expect("racing saves of the same bytes all succeed") {
            try await backend.save(self.file(.index, 3001), [7, 7, 7])
          }
        }
      }
    }
    await checkStored(self.file(.index, 3001), [7, 7, 7])
  }

  private func checkWinner(of writerCount: Int, on file: BackendFile) async {
    let winners = await withTaskGroup(of: UInt8?.self) { group in
      for writer in 0..<UInt8(writerCount) {
        group.addTask {
          do {
            try await backend.save(file, [writer, writer])
            return writer
          } catch BackendError.alreadyExists {
            return nil
          } catch {
            report.violate("a racing save throws \(error)")
            return nil
          }
        }
      }
      return await group.reduce(into: [UInt8]()) { winners, winner in
        if let winner { winners.append(winner) }
      }
    }
    await report.expect("of \(writerCount) racing saves one wins, and its bytes are stored", winners) {
      let stored = try await backend.load(file).array
      return stored.count == 2 && stored[0] == stored[1] ? [stored[0]] : []
    }
  }

  private func checkForeignNames() async {
    guard let plant else { return }
    for type in BackendFileType.allCases {
      let name = file(type, 4000).name
      let stem = type == .config ? "config" : name
      let foreign = [
        "\(stem)-tmp-123456", "\(name)0", String(name.dropLast()), name.uppercased(), ".hidden", "README", "caf\u{E9}",
      ]
      for name in foreign {
        await report.expect("\(name) is planted") { try await plant(type, name) }
      }
      await report.expect("names that are not ids are not listed", [] as Set) {
        Set(try await backend.list(type).filter { $0.file != file(.index, 3000) && $0.file != file(.index, 3001) })
      }
    }
  }

  /// A file whose name follows from `seed`; the name holds a letter, so that it has an upper-case form.
  private func file(_ type: BackendFileType, _ seed: UInt64) -> BackendFile {
    if type == .config { return .config }
    var random = SplitMix64(seed: seed)
    let name = "ab" + Hex.text(random.bytes(31))
    guard let file = BackendFile(type: type, name: name) else { preconditionFailure("64 hex digits are a name") }
    return file
  }
}
