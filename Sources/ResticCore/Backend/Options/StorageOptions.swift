/// What `-o` says of one kind of storage, checked.
protocol StorageOptions: Sendable {
  /// How many calls are made at a time.
  var connections: Int { get }

  /// Takes what it knows out of `values`; what is left is unknown.
  init(_ values: inout OptionValues) throws(OptionError)
}
