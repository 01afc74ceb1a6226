extension Collection<MergeConflict> {
  /// All conflicts in one line for a person. Of a long list it has the first ones, and the number of others: the line
  /// is part of the mount's status, which has to fit into an extended attribute.
  var list: String {
    let byteLimit = 4096
    var text = ""
    for (index, conflict) in enumerated() {
      let item = (index == 0 ? "" : "; ") + conflict.description
      guard index == 0 || text.utf8.count + item.utf8.count <= byteLimit else {
        return "\(text); and \(count - index) more"
      }
      text += item
    }
    return text
  }
}
