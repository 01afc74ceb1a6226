import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("ContentStreamer", .timeLimit(.minutes(30)))
struct ContentStreamerTests {
  private static let budget = MemoryBudget(byteLimit: 64 << 20)

  /// A repository with small packs, whose backend fails while `fault` says so.
  private static func makeMount(fault: FullDisk = FullDisk()) async throws -> TestMount {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    settings.packByteCount = 4 << 20
    var password = TestMount.password
    let backend = FaultBackend(MemoryBackend()) { call -> FaultBackend.Fault? in
      call.file?.type == .data && call.isWrite && fault.isFull.withLock { $0 } ? .nothingDone(.noSpace("full")) : nil
    }
    let repository = try await Repository.create(
      on: backend, password: SecureBytes(wiping: &password), settings: settings)
    return try await TestMount(repository, memory: budget)
  }

  /// A repository with small packs on `storage`, which takes none while `isHeld` is on.
  private static func makeMount(
    on storage: MemoryBackend, isHeld: Switch, budget: MemoryBudget = budget
  ) async throws -> (TestMount, FaultBackend) {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    settings.packByteCount = 4 << 20
    var password = TestMount.password
    let backend = FaultBackend(storage) { call in
      guard call.file?.type == .data, call.isWrite else { return }
      // If the test does not open the storage in time, its next expectation fails.
      try? await waitUntil(.seconds(600)) { !isHeld.isOn }
    } fault: { _ in
      nil
    }
    let repository = try await Repository.create(
      on: backend, password: SecureBytes(wiping: &password), settings: settings)
    return (try await TestMount(repository, memory: budget), backend)
  }

  @Test("memory stays within the limit however much is written, and the snapshot has everything")
  func boundedMemory() async throws {
    let mount = try await Self.makeMount()
    var random = SplitMix64(seed: 4)
    let piece = random.bytes(1 << 20)
    try await mount.write([], to: "big")
    var peak: UInt64 = 0
    for number in 0..<120 {
      var bytes = piece
      bytes[0] = UInt8(number)
      try await mount.overwrite(bytes, at: UInt64(number) << 20, of: "big")
      peak = max(peak, mount.tree.read { $0.bufferedByteCount })
    }
    #expect(peak <= Self.budget.dirtyByteLimit + 1 << 20)
    guard case .saved = try await mount.commit() else {
      Issue.record("there is something to save")
      return
    }
    let all = try await mount.read("big")
    #expect(all.count == 120 << 20)
    for number in 0..<120 {
      #expect(all[number << 20] == UInt8(number))
      #expect(all[(number << 20) + 1..<(number + 1) << 20].fingerprint == piece[1...].fingerprint)
    }
  }

  // M1 What a commit under way holds of overwritten files counts, and so do the packs beside the commit's.
  @Test("a writer that overwrites data of a running commit waits at the limit until the commit has ended")
  func heldByCommit() async throws {
    let isHeld = Switch()
    let (mount, backend) = try await Self.makeMount(on: MemoryBackend(), isHeld: isHeld)
    var random = SplitMix64(seed: 8)
    let count = 8
    let pieces = (0..<2 * count).map { _ in random.bytes(1 << 20) }
    for number in 0..<count { try await mount.write(pieces[number], to: "f\(number)") }

    isHeld.isOn = true
    let commit = Task { try await mount.coordinator.commit(.sync) }
    while !backend.calls.contains(where: { $0.file?.type == .data && $0.isWrite }) { await Task.yield() }
    let written = Locked(0)
    let writer = Task {
      for number in 0..<count {
        try await mount.overwrite(pieces[count + number], at: 0, of: "f\(number)")
        written.withLock { $0 += 1 }
      }
    }
    try await waitUntil { written.withLock { $0 } > 0 }
    var (last, since) = (0, ContinuousClock.now)
    // Until the writer is done, which is wrong, or has made no progress for two seconds. A slow machine makes the count smaller,
    // which hides a fault and fails no test.
    while last < count, since.duration(to: .now) < .seconds(2) {
      let now = written.withLock { $0 }
      if now != last { (last, since) = (now, .now) }
      await Task.yield()
    }
    #expect(last > 0 && last <= 5, "12 MiB is the limit, and 8 of it are the commit's")
    isHeld.isOn = false
    _ = try await commit.value
    try await writer.value
    _ = try await mount.coordinator.commit(.sync)
    for number in 0..<count { #expect(try await mount.read("f\(number)") == pieces[count + number]) }
  }

  // R5 Where somebody removes the lock by force, what is stored from then on is stored under another one.
  @Test("a lock that is lost while a pass stores data is replaced before the next pass, even without a commit")
  func lostLock() async throws {
    let (isHeld, storage) = (Switch(), MemoryBackend())
    let (mount, backend) = try await Self.makeMount(
      on: storage, isHeld: isHeld, budget: MemoryBudget(byteLimit: 512 << 20))
    var random = SplitMix64(seed: 10)
    // More than there are packs under way at a time.
    let (first, second) = (random.bytes(40 << 20), random.bytes(12 << 20))
    isHeld.isOn = true
    try await mount.write(first, to: "first")
    while !backend.calls.contains(where: { $0.file?.type == .data && $0.isWrite }) { await Task.yield() }
    // For the next pass, while this one waits for the storage.
    try await mount.write(second, to: "second")
    let lost = try #require(mount.lockKeeper.heldLock)
    storage[.lock(lost)] = nil
    let lock = try await mount.lockKeeper.acquire()
    await #expect(throws: RepositoryError.self) { try await lock.confirm() }
    #expect(lock.isLost)
    isHeld.isOn = false
    try await waitUntil { mount.lockKeeper.heldLock.map { $0 != lost && storage[.lock($0)] != nil } ?? false }
    try await mount.commit()
    #expect(try await mount.read("first").fingerprint == first.fingerprint)
    #expect(try await mount.read("second").fingerprint == second.fingerprint)
    let reader = try await TestMount(TestMount.openRepository(on: storage))
    #expect(try await reader.read("second").fingerprint == second.fingerprint)
  }

  @Test("many small files stay within the limit as well")
  func smallFiles() async throws {
    let mount = try await Self.makeMount()
    var random = SplitMix64(seed: 5)
    var contents: [String: [UInt8]] = [:]
    for number in 0..<300 {
      let bytes = random.bytes(200_000)
      contents["d\(number % 5)/\(number)"] = bytes
      try await mount.write(bytes, to: "d\(number % 5)/\(number)")
      #expect(mount.tree.read { $0.bufferedByteCount } <= Self.budget.dirtyByteLimit + 200_000)
    }
    try await mount.commit()
    for (path, bytes) in contents { #expect(try await mount.read(path).fingerprint == bytes.fingerprint) }
  }

  @Test("data that is overwritten while it is stored keeps its last content")
  func overwriteWins() async throws {
    let mount = try await Self.makeMount()
    var random = SplitMix64(seed: 6)
    var model = random.bytes(48 << 20)
    try await mount.write([], to: "f")
    for start in stride(from: 0, to: model.count, by: 1 << 20) {
      try await mount.overwrite(Array(model[start..<start + 1 << 20]), at: UInt64(start), of: "f")
      let patch = random.bytes(Int.random(in: 1...5000, using: &random))
      let offset = Int.random(in: 0...start, using: &random)
      model.replaceSubrange(offset..<offset + patch.count, with: patch)
      try await mount.overwrite(patch, at: UInt64(offset), of: "f")
      if patch.count + offset > start + 1 << 20 { model.replaceSubrange(offset..<offset + patch.count, with: patch) }
    }
    let before = try await mount.read("f")
    try await mount.commit()
    #expect(try await mount.read("f").fingerprint == before.fingerprint)
    #expect(before.fingerprint == model.fingerprint)
  }

  @Test("writes that arrive out of order are stored once, without their temporary holes")
  func reordered() async throws {
    let mount = try await Self.makeMount()
    var random = SplitMix64(seed: 8)
    let (blockByteCount, blockCount, window) = (128 << 10, 512, 24)
    let model = random.bytes(blockByteCount * blockCount)
    try await mount.write([], to: "f")
    let open = try await mount.open("f", flags: O_RDWR)
    for first in stride(from: 0, to: blockCount, by: window) {
      for block in (first..<min(first + window, blockCount)).shuffled(using: &random) {
        let offset = block * blockByteCount
        try await mount.overwrite(Array(model[offset..<offset + blockByteCount]), at: UInt64(offset), of: "f")
      }
    }
    mount.fileSystem.release(open.inode, handle: open.handle)
    try await mount.commit()
    #expect(try await mount.read("f").fingerprint == model.fingerprint)
    let stored = try await mount.repository.backend.list(.data).reduce(0) { $0 + $1.byteCount }
    #expect(stored < model.count + model.count / 100, "\(stored) bytes for \(model.count)")
  }

  @Test("data behind a missing write is stored soon after the write has arrived, without a commit")
  func heldUp() async throws {
    let mount = try await Self.makeMount()
    var random = SplitMix64(seed: 9)
    let model = random.bytes(30 << 20)
    let hole = 1 << 20..<1 << 20 + 128 << 10
    try await mount.write([], to: "f")
    for start in stride(from: 0, to: model.count, by: 128 << 10) where start != hole.lowerBound {
      try await mount.overwrite(Array(model[start..<start + 128 << 10]), at: UInt64(start), of: "f")
    }
    try await mount.overwrite(Array(model[hole]), at: UInt64(hole.lowerBound), of: "f")
    try await waitUntil { try await mount.repository.backend.list(.data).reduce(0) { $0 + $1.byteCount } >= 16 << 20 }
    try await mount.commit()
    #expect(try await mount.read("f").fingerprint == model.fingerprint)
  }

  @Test("a full storage fails the writer, loses nothing that was accepted, and accepts writes once there is space")
  func fullStorage() async throws {
    let disk = FullDisk()
    let mount = try await Self.makeMount(fault: disk)
    var random = SplitMix64(seed: 7)
    disk.isFull.withLock { $0 = true }
    var accepted: [[UInt8]] = []
    var failure: Errno?
    for number in 0..<60 {
      let bytes = random.bytes(1 << 20)
      do {
        try await mount.write(bytes, to: "f\(number)")
        accepted.append(bytes)
      } catch let error as Errno {
        failure = error
        break
      }
    }
    #expect(failure == .noSpace)
    #expect(accepted.count >= 10)
    await #expect(throws: RepositoryError.self) { try await mount.commit() }
    disk.isFull.withLock { $0 = false }
    try await mount.write([1, 2, 3], to: "last")
    try await mount.commit()
    for (number, bytes) in accepted.enumerated() {
      #expect(try await mount.read("f\(number)").fingerprint == bytes.fingerprint)
    }
  }
}

/// Says whether there is room.
private final class FullDisk: Sendable {
  let isFull = Locked(false)
}
