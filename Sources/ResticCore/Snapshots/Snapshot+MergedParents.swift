extension Snapshot {
  /// The snapshots beside `parent` whose changes this one contains, in a member of its own that restic ignores.
  public var mergedParents: [SnapshotID] {
    get {
      guard let field = unknownFields.last(where: { $0.key == Self.mergedParentsKey }) else { return [] }
      do throws(FormatError) {
        return try GoJSON.read(field.rawValue, "resticGitFSMerged") { reader throws(FormatError) in
          try reader.array { reader throws(FormatError) in try reader.id() }
        }
      } catch {
        return []  // Not written by this program: ignored.
      }
    }
    set {
      unknownFields.removeAll { $0.key == Self.mergedParentsKey }
      guard !newValue.isEmpty else { return }
      var writer = GoJSON.Writer()
      writer.strings(newValue.map(\.hex))
      unknownFields.append(UnknownField(key: Self.mergedParentsKey, rawValue: writer.finish()))
    }
  }

  private static let mergedParentsKey = "resticGitFSMerged"
}
