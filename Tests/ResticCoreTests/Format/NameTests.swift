import Testing

@testable import ResticCore

@Suite struct NameTests {
  @Test("names are ordered by bytes, shorter first, whatever Unicode thinks of them")
  func order() {
    let ordered: [Name] = ["", "A", "B", "a", "a ", "a.b", "aa", "b", "e\u{301}", "f", "é", Name([0xff])]
    for (left, right) in zip(ordered, ordered.dropFirst()) {
      #expect(left < right)
      #expect(!(right < left))
      #expect(!(left < left))
    }
  }

  @Test("composed and decomposed forms are different names")
  func normalForms() {
    #expect("é" == "e\u{301}")
    #expect(Name("é") != Name("e\u{301}"))
    #expect(Set([Name("é"), Name("e\u{301}")]).count == 2)
  }

  @Test("an entry's name is one path component of at most 255 bytes")
  func validity() {
    let valid: [Name] = ["a", "...", "..a", " ", "-", "\\", Name([0xff]), Name(Array(repeating: 65, count: 255))]
    for name in valid { #expect(name.isValidEntryName) }
    let invalid: [Name] = ["", ".", "..", "/", "a/b", "a\0", "\0", Name(Array(repeating: 65, count: 256))]
    for name in invalid { #expect(!name.isValidEntryName, "\(name)") }
  }

  @Test("different names are printed differently")
  func description() {
    #expect(Name("a b").description == "a b")
    #expect(Name([0x61, 0xff, 0x0a]).description == #"a\xff\n"#)
    #expect(Name("a\\n").description == #"a\\n"#)
    #expect(Name("é").description == "é")
  }
}
