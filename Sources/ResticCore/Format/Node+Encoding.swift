extension Node {
  /// Appends the node's JSON as restic writes it, without white space.
  func write(to writer: inout GoJSON.Writer) {
    let rarities = box?.rarities
    if let rarities, !rarities.spelling.isEmpty {
      rarities.spelling.withUnsafeBytes { writer.raw($0) }
    } else {
      writeFields(rarities, to: &writer)
    }
  }

  /// Appends the node's fields in restic's order, without the fields that restic omits.
  func writeFields(_ rarities: Rarities?, to writer: inout GoJSON.Writer) {
    writer.literal("{\"name\":")
    name.bytes.withUnsafeBytes { writer.quotedString($0) }
    writeType(rarities, to: &writer)
    if mode != 0 {
      writer.literal(",\"mode\":")
      writer.number(mode)
    }
    writer.literal(",\"mtime\":")
    writer.time(mtime)
    writer.literal(",\"atime\":")
    writer.time(atime)
    writer.literal(",\"ctime\":")
    writer.time(ctime)
    writer.literal(",\"uid\":")
    writer.number(uid)
    writer.literal(",\"gid\":")
    writer.number(gid)
    if let owner {
      if !owner.user.isEmpty {
        writer.literal(",\"user\":")
        writer.string(owner.user)
      }
      if !owner.group.isEmpty {
        writer.literal(",\"group\":")
        writer.string(owner.group)
      }
    }
    if inode != 0 {
      writer.literal(",\"inode\":")
      writer.number(inode)
    }
    if deviceID != 0 {
      writer.literal(",\"device_id\":")
      writer.number(deviceID)
    }
    if size != 0 {
      writer.literal(",\"size\":")
      writer.number(size)
    }
    if links != 0 {
      writer.literal(",\"links\":")
      writer.number(links)
    }
    if let rarities { writeEarly(rarities, to: &writer) }
    writeContent(to: &writer)
    if let rarities { writeLate(rarities, to: &writer) }
    writer.literal("}")
  }

  private func writeType(_ rarities: Rarities?, to writer: inout GoJSON.Writer) {
    switch kind {
    case .file: writer.literal(",\"type\":\"file\"")
    case .dir: writer.literal(",\"type\":\"dir\"")
    default:
      writer.literal(",\"type\":")
      writer.string(kind == .other ? rarities?.otherType ?? "" : kind.type.text)
    }
  }

  private func writeEarly(_ rarities: Rarities, to writer: inout GoJSON.Writer) {
    if !rarities.linkTarget.isEmpty {
      writer.literal(",\"linktarget\":")
      writer.string(rarities.linkTarget)
      if !rarities.linkTarget.withUnsafeBytes({ GoJSON.isValidUTF8($0) }) {
        writer.literal(",\"linktarget_raw\":")
        writer.base64(rarities.linkTarget)
      }
    }
    if !rarities.extendedAttributes.isEmpty {
      writer.literal(",\"extended_attributes\":[")
      for (index, attribute) in rarities.extendedAttributes.enumerated() {
        if index > 0 { writer.literal(",") }
        writer.literal("{\"name\":")
        writer.string(attribute.name.bytes)
        writer.literal(",\"value\":")
        writer.base64(attribute.value)
        writer.literal("}")
      }
      writer.literal("]")
    }
    for field in rarities.unknownFields where Self.isGenericAttributes(field) { writer.member(field) }
    if rarities.device != 0 {
      writer.literal(",\"device\":")
      writer.number(rarities.device)
    }
  }

  private func writeContent(to writer: inout GoJSON.Writer) {
    switch payload {
    case .none: writer.literal(",\"content\":null")
    case .empty: writer.literal(",\"content\":[]")
    case .blob(let id):
      writer.literal(",\"content\":[")
      writer.id(id)
      writer.literal("]")
    case .subtree(let id):
      writer.literal(",\"content\":null,\"subtree\":")
      writer.id(id)
    case .blobs(let ids), .both(let ids, _):
      writer.literal(",\"content\":[")
      for (index, id) in ids.enumerated() {
        if index > 0 { writer.literal(",") }
        writer.id(id)
      }
      writer.literal("]")
      if let subtree {
        writer.literal(",\"subtree\":")
        writer.id(subtree)
      }
    }
  }

  private func writeLate(_ rarities: Rarities, to writer: inout GoJSON.Writer) {
    if !rarities.error.isEmpty {
      writer.literal(",\"error\":")
      writer.string(rarities.error)
    }
    for field in rarities.unknownFields where !Self.isGenericAttributes(field) { writer.member(field) }
  }

  private static func isGenericAttributes(_ field: UnknownField) -> Bool {
    field.key == "generic_attributes"
  }
}
