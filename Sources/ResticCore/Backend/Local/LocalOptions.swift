/// The options of a folder. Source: restic, internal/backend/local/config.go.
struct LocalOptions: StorageOptions, Hashable {
  let connections: Int

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    try values.requireDefaultLayout()
  }
}
