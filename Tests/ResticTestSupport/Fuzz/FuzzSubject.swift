/// The decoders that are fuzzed. Each has a test of its own name in a suite `FuzzTests`, in the target that sees the decoder.
public enum FuzzSubject: String, CaseIterable, Sendable {
  case tree, snapshot, index, config, lock, key, time
  /// The table at a pack's end: its plaintext, and sealed in a pack.
  case packHeader, pack
  /// A file that is mutated, compressed or not, and sealed again with the right key.
  case sealed
  /// A zstd frame.
  case frame
  /// A REST server's list of files.
  case serverList
  /// A page of an S3 server's list of keys, and a refusal of such a server.
  case bucketPage, bucketRefusal
  /// Amazon's files of profiles.
  case profiles
  /// The program's own configuration file.
  case configurationFile

  /// A packet of an SFTP server.
  case sftpPacket
  /// git's files.
  case packedRefs, looseRef, reflog
  /// git's protocol.
  case packets
}
