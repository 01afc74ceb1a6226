import FuseBridge

/// Every requirement is met by an extension of its family of operations.
extension GitFileSystem: FuseFileSystem {}
