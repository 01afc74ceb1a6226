/// The options of a REST server. Source: restic, internal/backend/rest/config.go.
struct RESTOptions: StorageOptions, Hashable {
  let connections: Int
  /// Whether every listing shows everything that was saved before the listing began: `rest.immediate-listings`, which
  /// restic does not have.
  let hasImmediateListings: Bool

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    hasImmediateListings = try values.flag("immediate-listings") ?? false
  }
}
