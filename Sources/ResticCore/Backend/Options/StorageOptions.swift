/// The checked `-o` options of one kind of storage.
protocol StorageOptions: Sendable {
  /// The number of concurrent calls.
  var connections: Int { get }

  /// Takes its options out of `values`; the rest is unknown.
  init(_ values: inout OptionValues) throws(OptionError)
}
