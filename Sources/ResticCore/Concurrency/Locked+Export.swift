/// Clients of this module see `Locked` without importing Platform.
@_exported public import Platform
