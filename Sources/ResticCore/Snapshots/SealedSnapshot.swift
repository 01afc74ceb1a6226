/// A snapshot that is about to be stored: its name is known before it is sent.
///
/// Only `Repository.seal` makes one. Saving it again is harmless, since the bytes are the same.
public struct SealedSnapshot: Sendable {
  /// The snapshot under its future name.
  public let saved: SavedSnapshot
  /// The bytes to store.
  let bytes: PooledBytes

  init(saved: SavedSnapshot, bytes: PooledBytes) {
    self.saved = saved
    self.bytes = bytes
  }
}
