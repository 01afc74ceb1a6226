/// What the calls on a repository are waiting for: locks of other clients, a storage that does not answer.
///
/// A call that begins to wait leaves a note and removes it afterwards; to find out why nothing happens, read `current`.
/// Thread-safe; a leaf lock.
public final class WaitingNotes: Sendable {
  /// One reason for waiting.
  public struct Note: Hashable, Sendable {
    /// The reason, in words that follow "waiting: ".
    public let reason: String
    /// When the waiting began.
    public let since: Timestamp
    /// Whether the log of this process has warnings of the same thing.
    public var isLogged = false
  }

  private struct Entry {
    let isLogged: Bool
    var reason: @Sendable () -> String
    let since: Timestamp
    let begin: ContinuousClock.Instant
    /// How long a call may take before it counts as waiting.
    let patience: Duration
  }

  private struct State {
    var entries: [Int: Entry] = [:]
    var nextNumber = 0
  }

  private let state = Locked(State())

  /// No notes.
  public init() {}

  /// The longest wait at this moment; nil if nothing is waiting.
  public var current: Note? {
    let now = ContinuousClock.now
    let longest = state.withLock { state in
      state.entries.values.filter { $0.begin.duration(to: now) >= $0.patience }.min { $0.begin < $1.begin }
    }
    return longest.map { Note(reason: $0.reason(), since: $0.since, isLogged: $0.isLogged) }
  }

  /// Leaves a note that counts once the call has taken longer than `patience`. `reason` is called by the reader of the
  /// note, on any thread and without locks. `Waiting.end` removes the note, and so does releasing the last reference to
  /// the result. `isLogged`: the caller logs a warning of the same thing.
  public func begin(
    after patience: Duration = .zero, isLogged: Bool = false, _ reason: @escaping @Sendable () -> String
  ) -> Waiting {
    let entry = Entry(
      isLogged: isLogged, reason: reason, since: .now(), begin: .now, patience: patience)
    let number = state.withLock { state in
      defer { state.nextNumber += 1 }
      state.entries[state.nextNumber] = entry
      return state.nextNumber
    }
    return Waiting(number, in: self)
  }

  /// Gives `waiting` another reason; leaves a new note if it is nil.
  func note(_ waiting: Waiting?, _ reason: @escaping @Sendable () -> String) -> Waiting {
    guard let waiting else { return begin(reason) }
    waiting.update(reason)
    return waiting
  }

  /// A note that a call has left.
  public final class Waiting: Sendable {
    private let number: Int
    private let notes: WaitingNotes

    fileprivate init(_ number: Int, in notes: WaitingNotes) {
      self.number = number
      self.notes = notes
    }

    deinit { end() }

    /// Changes the note's reason; its start time stays.
    public func update(_ reason: @escaping @Sendable () -> String) {
      notes.state.withLock { $0.entries[number]?.reason = reason }
    }

    /// Removes the note.
    public func end() {
      notes.state.withLock { $0.entries[number] = nil }
    }
  }
}
