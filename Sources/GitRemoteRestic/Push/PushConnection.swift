import MessageText
import Platform
import SystemPackage

/// A push: receive-pack works on the mount, and its report is held back until the mount has saved what the report
/// accepts.
///
///     git push ── our stdin ──> ClientStream ──> receive-pack ──> the mount
///              <── our stdout ── PushConnection <── its stdout
///
/// Bands 2 and 3 pass at once, as text that is only shown on a terminal. The report (band 1) waits. If it accepts a
/// reference, the mount commits, and only then is the report passed on. If the commit fails, every `ok` becomes an
/// `ng`, and the mount is dropped without saving.
struct PushConnection {
  /// The user is not told of a shorter wait.
  private static let patience = Duration.seconds(1)

  /// receive-pack.
  let server: ServerCommand
  /// The mount that receive-pack works on.
  let mount: PrivateMount
  /// Checks that what the push accepts is stored completely.
  let completeness: StoredCompleteness
  /// For git commands on the mount.
  let environment: ProcessEnvironment
  /// For git commands in the client's repository.
  let clientEnvironment: ProcessEnvironment
  /// Whether the user wants to see only errors. A client without a terminal asks for no progress, which is not the
  /// same: it still gets other messages.
  let isQuiet: Bool
  /// The log of what happens.
  let trace: Trace

  /// Serves one push. Returns how receive-pack ended.
  func serve() throws(HelperError) -> ChildProcess.End {
    let pipes = try Pipe.open(2)
    let (input, output) = (pipes[0], pipes[1])
    let process: ServerProcess
    do throws(HelperError) {
      defer { for end in [input.readEnd, output.writeEnd] { end.closeQuietly() } }
      process = try server.start(input: input.readEnd, output: output.writeEnd)
    } catch {
      for end in [input.writeEnd, output.readEnd] { end.closeQuietly() }
      throw error
    }
    let client = ClientStream()
    client.carry(to: input.writeEnd)

    var reader = PacketReader(output.readEnd)
    let repository = ServedRepository(path: mount.repositoryPath)
    let head = PushedHead(head: repository.head)
    let isHeadBorn = try passAdvertisement(&reader, head)
    let report = try collectReport(&reader, client)
    let end = process.wait()
    trace.write("receive-pack ended: \(end)")

    let request = client.request
    guard !request.commands.isEmpty else {
      guard end == .exited(0) else { throw Connection.failure(of: mount) }
      return end
    }
    guard request.wantsReport else {
      guard end == .exited(0) else { throw Connection.failure(of: mount) }
      try saveWithoutReport(request)
      return end
    }
    guard var parsed = report.map({ PushReport(parsing: $0) }) ?? nil else { throw Connection.failure(of: mount) }
    let isAccepted = !parsed.accepted.isEmpty
    if isAccepted {
      if !isHeadBorn,
        let branch = head.successor(
          accepted: parsed.accepted, request, clientBranch: { PushedHead.clientBranch(clientEnvironment) })
      {
        try repository.setHead(branch, environment: environment)
      }
      try save(&parsed, request, in: repository)
    }
    StandardOutput.write(parsed.encoded(inSideBand: request.usesSideBand))
    if request.usesSideBand { StandardOutput.write(Packet.flush.encoded) }
    // receive-pack may not know why it accepted nothing.
    if !isAccepted, mount.isDead || mount.state()?.refused != nil { throw Connection.failure(of: mount) }
    return end
  }

  /// Commits what `report` accepts, and refuses in the report what was not saved.
  ///
  /// If another client has changed some references meanwhile, those are set back and the others are committed, unless
  /// the push is atomic. Each round leaves fewer references, so the loop ends.
  private func save(_ report: inout PushReport, _ request: PushRequest, in repository: ServedRepository)
    throws(HelperError)
  {
    if let reason = try reasonAgainstSaving(Set(report.accepted), request) {
      return report.refuse("not saved: \(reason)")
    }
    while !report.accepted.isEmpty {
      let outcome = commit(request)
      trace.write("commit: \(outcome)")
      switch outcome {
      case .saved(let snapshot):
        completeness.remember(request.values(of: Set(report.accepted)))
        announce(snapshot, request)
        return warnOfTime(request)
      case .failed(let reason):
        return report.refuse("not saved: \(reason)")
      case .unknown(let reason):
        return report.refuse("fetch to see whether it is there: \(reason)")
      case .moved(let references):
        let accepted = report.accepted
        let moved = Set(accepted.filter { references?.contains(String(decoding: $0, as: UTF8.self)) ?? false })
        guard let references, !request.isAtomic, !moved.isEmpty, moved.count == Set(references).count else {
          return report.refuse("fetch first")
        }
        report.refuse("fetch first", only: moved)
        guard moved.count < accepted.count else { return }
        try repository.setBack(request.commands.filter { moved.contains($0.reference) }, environment: environment)
      }
    }
  }

  /// Why the report must not say `ok` although receive-pack accepted `references`; nil if it may.
  private func reasonAgainstSaving(
    _ references: Set<[UInt8]>, _ request: PushRequest
  ) throws(HelperError) -> String? {
    if let refused = mount.state()?.refused { return refused }
    return try completeness.reasonAgainst(request.values(of: references)) {
      if request.usesSideBand, !request.isQuiet { say("checking what is stored", end: "\r") }
    }
  }

  /// Passes on the references that receive-pack advertises. Returns whether the branch that `HEAD` names is among them.
  private func passAdvertisement(_ reader: inout PacketReader, _ head: PushedHead) throws(HelperError) -> Bool {
    var pending: [UInt8] = []
    var isBorn = false
    while let packet = try reader.next() {
      pending += packet.encoded
      if head.isNamed(by: packet) { isBorn = true }
      if packet.isFlush || !reader.hasBuffered || pending.count > Packet.longest {
        StandardOutput.write(pending)
        pending = []
      }
      if packet.isFlush { break }
    }
    return isBorn
  }

  /// Passes on messages, and returns the report at the end of the stream.
  private func collectReport(_ reader: inout PacketReader, _ client: ClientStream) throws(HelperError) -> [UInt8]? {
    var report: [UInt8] = []
    var shown: [SideBand: PrintableText] = [:]
    while let packet = try reader.next() {
      guard client.request.usesSideBand else {
        report += packet.encoded
        continue
      }
      let bytes = packet.payload.dropFirst()
      switch packet.payload.first.flatMap({ SideBand(rawValue: $0) }) {
      // An empty packet keeps the connection alive.
      case .report where bytes.isEmpty: StandardOutput.write(packet.encoded)
      case .report: report += bytes
      case .some(let band):
        StandardOutput.write(SideBand.encoded(shown[band, default: PrintableText()].next(bytes), band: band))
      case nil: break
      }
    }
    return report.isEmpty ? nil : report
  }

  /// Saves a push whose client wants no report: only the exit status tells that client of a failure.
  private func saveWithoutReport(_ request: PushRequest) throws(HelperError) {
    if let reason = try reasonAgainstSaving(Set(request.commands.map(\.reference)), request) {
      throw HelperError("nothing was saved: \(reason)")
    }
    switch mount.commit(show: { _ in }) {
    case .saved: warnOfTime(request)
    case .moved: throw HelperError("nothing was saved: somebody else has pushed meanwhile; fetch first")
    case .failed(let reason): throw HelperError("nothing was saved: \(reason)")
    case .unknown(let reason): throw HelperError("fetch to see whether it is there: \(reason)")
    }
  }

  /// Commits, shows the commit's progress on the client's terminal, and after a while tells what the commit waits for.
  private func commit(_ request: PushRequest) -> CommitOutcome {
    var (waiting, firstSeen, isShown) = ("", ContinuousClock.now, false)
    return mount.commit { state in
      if let progress = state.progress { show(progress, request) }
      guard let now = state.waiting else { return }
      if now.since != waiting { (waiting, firstSeen, isShown) = (now.since, .now, false) }
      guard !isShown, firstSeen.duration(to: .now) >= Self.patience else { return }
      isShown = true
      if !isQuiet { tell("waiting since \(now.since): \(now.reason)", request) }
    }
  }

  /// Shows the commit's progress on the client's terminal.
  private func show(_ progress: MountState.Progress, _ request: PushRequest) {
    guard request.usesSideBand, !request.isQuiet else { return }
    let (done, total) = (Self.mebibytes(progress.bytesDone), Self.mebibytes(progress.bytesTotal))
    say("saving: \(done) of \(total) MiB", end: "\r")
  }

  private func announce(_ snapshot: String?, _ request: PushRequest) {
    guard request.usesSideBand, !request.isQuiet, let snapshot else { return }
    say("saved as snapshot \(snapshot.prefix(8))")
  }

  /// Warns the user if the newest snapshot is dated ahead of the clock.
  private func warnOfTime(_ request: PushRequest) {
    if let message = mount.state()?.ahead?.message { tell("warning: \(message)", request) }
  }

  /// Tells the user something on git's connection, or on standard error if the connection carries no messages.
  private func tell(_ line: String, _ request: PushRequest) {
    if request.usesSideBand {
      say(line)
    } else {
      StandardError.write(line)
    }
  }

  /// Shows a line on the client's terminal. A line that ends with a carriage return is overwritten by the next.
  private func say(_ text: String, end: String = "\n") {
    StandardOutput.write(SideBand.encoded(Array((text.printable + end).utf8), band: .progress))
  }

  /// With one decimal.
  private static func mebibytes(_ byteCount: UInt64) -> String {
    let tenths = byteCount / ((1 << 20) / 10)
    return "\(tenths / 10).\(tenths % 10)"
  }
}
