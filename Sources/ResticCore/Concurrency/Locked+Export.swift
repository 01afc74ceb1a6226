/// `Locked` is of no use without its module.
@_exported public import Platform
