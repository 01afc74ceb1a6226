/// The options of a folder. Source: restic, internal/backend/local/config.go.
struct LocalOptions: StorageOptions, Hashable {
  let connections: Int

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    // Older versions of restic have it; there was another layout for storage in a network.
    _ = try values.value("layout", expected: "default") { ["", "auto", "default"].contains($0) ? $0 : nil }
  }
}
