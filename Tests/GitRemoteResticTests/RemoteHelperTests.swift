import Testing

@testable import GitRemoteRestic

@Suite("The conversation with git")
struct RemoteHelperTests {
  @Test("the helper supports the options verbosity and progress, and leaves all other options to git")
  func options() {
    #expect(RemoteHelper.answer(toOption: "verbosity 2") == "ok")
    #expect(RemoteHelper.answer(toOption: "progress true") == "ok")
    for option in [
      "depth 1", "followtags true", "dry-run true", "atomic true", "", "verbosity2 1", "object-format true",
    ] {
      #expect(RemoteHelper.answer(toOption: option) == "unsupported")
    }
    #expect(RemoteHelper.verbosity(in: "verbosity 0") == 0 && RemoteHelper.verbosity(in: "verbosity 2") == 2)
    #expect(RemoteHelper.verbosity(in: "progress true") == nil && RemoteHelper.verbosity(in: "verbosity") == nil)
  }
}
