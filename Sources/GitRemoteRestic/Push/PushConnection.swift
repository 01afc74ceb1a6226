import MessageText
import Platform
import SystemPackage

/// A push: receive-pack at work on the mount, its report held back until what it reports is saved.
///
///     git push ── our stdin ──> ClientStream ──> receive-pack ──> the mount
///              <── our stdout ── PushConnection <── its stdout
///
/// Bands 2 and 3 pass at once, as text that a terminal only shows. The report (band 1) waits: when it says that something
/// was accepted, the mount commits, and only then is it passed on. If the commit fails, every `ok` becomes an `ng`, and the
/// mount is dropped as it is.
struct PushConnection {
  /// A wait that is over sooner is not told.
  private static let patience = Duration.seconds(1)

  /// receive-pack.
  let server: ServerCommand
  /// What it works on.
  let mount: PrivateMount
  /// Tells whether what is accepted is there in full.
  let completeness: StoredCompleteness
  /// For git commands on the mount.
  let environment: ProcessEnvironment
  /// For git commands in the client's repository.
  let clientEnvironment: ProcessEnvironment
  /// Whether the user wants to hear of errors only. A client that has no terminal asks for no progress, which is less.
  let isQuiet: Bool
  /// Where to tell what happens.
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
    // That nothing was accepted may have a reason that receive-pack does not know.
    if !isAccepted, mount.isDead || mount.state()?.refused != nil { throw Connection.failure(of: mount) }
    return end
  }

  /// Commits what `report` says was accepted, and refuses in it what was not saved after all.
  ///
  /// References that somebody else has changed meanwhile are set back and the others committed, unless all or none was
  /// asked for. Each round leaves fewer, so there is an end.
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

  /// Why `ok` must not be said although receive-pack has accepted `references`; nil: it may.
  private func reasonAgainstSaving(
    _ references: Set<[UInt8]>, _ request: PushRequest
  ) throws(HelperError) -> String? {
    if let refused = mount.state()?.refused { return refused }
    return try completeness.reasonAgainst(request.values(of: references)) {
      if request.usesSideBand, !request.isQuiet { say("checking what is stored", end: "\r") }
    }
  }

  /// Passes on the references that receive-pack advertises. Returns whether the one that `HEAD` names is among them.
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

  /// Passes on what may pass, and returns the report at the end of the stream.
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

  /// A client that wants no report learns of a failure by our exit status only.
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

  /// Commits, shows on the client's terminal how far the commit is, and tells what it waits for once it has waited for a while.
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

  /// Shows on the client's terminal how far the commit is.
  private func show(_ progress: MountState.Progress, _ request: PushRequest) {
    guard request.usesSideBand, !request.isQuiet else { return }
    let (done, total) = (Self.mebibytes(progress.bytesDone), Self.mebibytes(progress.bytesTotal))
    say("saving: \(done) of \(total) MiB", end: "\r")
  }

  private func announce(_ snapshot: String?, _ request: PushRequest) {
    guard request.usesSideBand, !request.isQuiet, let snapshot else { return }
    say("saved as snapshot \(snapshot.prefix(8))")
  }

  /// Tells the user of a newest snapshot that is dated ahead of the clock.
  private func warnOfTime(_ request: PushRequest) {
    if let message = mount.state()?.ahead?.message { tell("warning: \(message)", request) }
  }

  /// Tells the user something on git's connection, or on standard error where that carries no messages.
  private func tell(_ line: String, _ request: PushRequest) {
    if request.usesSideBand {
      say(line)
    } else {
      StandardError.write(line)
    }
  }

  /// Shows a line on the client's terminal; the next one takes the place of a line whose end is a carriage return.
  private func say(_ text: String, end: String = "\n") {
    StandardOutput.write(SideBand.encoded(Array((text.printable + end).utf8), band: .progress))
  }

  /// With one decimal.
  private static func mebibytes(_ byteCount: UInt64) -> String {
    let tenths = byteCount / ((1 << 20) / 10)
    return "\(tenths / 10).\(tenths % 10)"
  }
}
