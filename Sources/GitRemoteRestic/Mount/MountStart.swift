/// What came of starting a private mount.
enum MountStart {
  /// It serves.
  case ready(PrivateMount)
  /// The password opens no key of the repository; the child has said so.
  case wrongPassword
  /// The child ended before it was ready, and has said why.
  case refused
}
