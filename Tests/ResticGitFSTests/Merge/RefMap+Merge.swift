@testable import ResticGitFS

extension RefMap {
  /// The merge of refs in the plainest way: the refs there have to be, and our values that are not among them (nil: our deletion).
  static func merge(base: RefMap, theirs: RefMap, ours: RefMap) -> (merged: RefMap, conflicts: [String: String?]) {
    var refused: Set<String> = []
    let names = Set(base.values.keys).union(theirs.values.keys).union(ours.values.keys)
    let changed = names.filter { ours[$0] != base[$0] && ours[$0] != theirs[$0] }
    refused.formUnion(changed.filter { theirs[$0] != base[$0] })
    while true {
      var merged = theirs
      let taken = changed.subtracting(refused)
      for name in taken { merged[name] = ours[name] }
      var more: Set<String> = []
      for name in taken {
        guard ours[name] != nil else {
          if merged.values.keys.contains(where: {
            merged.target(of: $0) == name && !taken.contains($0) && ours[$0] != merged[$0]
          }) {
            more.insert(name)
          }
          continue
        }
        if merged.values.keys.contains(where: { $0.hasPrefix(name + "/") || name.hasPrefix($0 + "/") }) {
          more.insert(name)
        }
        if let target = ours.target(of: name), ours[target] != nil, merged[target] == nil { more.insert(name) }
      }
      if more.isEmpty { return (merged, Dictionary(uniqueKeysWithValues: refused.map { ($0, ours[$0]) })) }
      refused.formUnion(more)
    }
  }
}
