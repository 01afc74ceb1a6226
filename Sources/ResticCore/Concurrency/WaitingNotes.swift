/// What the calls on a repository are waiting for at this moment: locks of other clients, a storage that does not answer.
///
/// Whoever begins to wait leaves a note and takes it away at the end; whoever wants to know why nothing happens looks
/// (`current`). Thread-safe; a leaf lock.
public final class WaitingNotes: Sendable {
  /// Something that is waited for.
  public struct Note: Hashable, Sendable {
    /// What it is, in words that follow "waiting: ".
    public let reason: String
    /// When the waiting began.
    public let since: Timestamp
  }

  private struct Entry {
    var reason: @Sendable () -> String
    let since: Timestamp
    let begin: ContinuousClock.Instant
    /// How long it may take before it counts as waiting.
    let patience: Duration
  }

  private struct State {
    var entries: [Int: Entry] = [:]
    var nextNumber = 0
  }

  private let state = Locked(State())

  /// Nothing is waited for.
  public init() {}

  /// The longest waiting at this moment; nil if nothing is waited for.
  public var current: Note? {
    let now = ContinuousClock.now
    let longest = state.withLock { state in
      state.entries.values.filter { $0.begin.duration(to: now) >= $0.patience }.min { $0.begin < $1.begin }
    }
    return longest.map { Note(reason: $0.reason(), since: $0.since) }
  }

  /// Notes that something is waited for once it has taken longer than `patience`. `reason` is called by whoever looks, on
  /// any thread, and holds no lock. The note goes with `Waiting.end` or the last reference to the result.
  public func begin(after patience: Duration = .zero, _ reason: @escaping @Sendable () -> String) -> Waiting {
    let entry = Entry(reason: reason, since: .now(), begin: .now, patience: patience)
    let number = state.withLock { state in
      defer { state.nextNumber += 1 }
      state.entries[state.nextNumber] = entry
      return state.nextNumber
    }
    return Waiting(number, in: self)
  }

  /// `waiting` with another reason; a new note where it is nil.
  func note(_ waiting: Waiting?, _ reason: @escaping @Sendable () -> String) -> Waiting {
    guard let waiting else { return begin(reason) }
    waiting.update(reason)
    return waiting
  }

  /// A note that somebody has left.
  public final class Waiting: Sendable {
    private let number: Int
    private let notes: WaitingNotes

    fileprivate init(_ number: Int, in notes: WaitingNotes) {
      self.number = number
      self.notes = notes
    }

    deinit { end() }

    /// Gives the note another reason; since when it is there stays.
    public func update(_ reason: @escaping @Sendable () -> String) {
      notes.state.withLock { $0.entries[number]?.reason = reason }
    }

    /// Takes the note away.
    public func end() {
      notes.state.withLock { $0.entries[number] = nil }
    }
  }
}
