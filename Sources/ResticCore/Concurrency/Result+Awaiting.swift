extension Result {
  /// What `body` returns or throws: for something that goes on beside something else whose failure says more.
  package init(awaiting body: () async throws(Failure) -> Success) async {
    do throws(Failure) {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
