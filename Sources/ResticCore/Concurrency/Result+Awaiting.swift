extension Result {
  /// The result or error of `body`: for work beside other work whose failure is the better message.
  package init(awaiting body: () async throws(Failure) -> Success) async {
    do throws(Failure) {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
