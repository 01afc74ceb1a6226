extension SafeVariable {
  /// The allowed values of the variable `section.key` or, with a subsection, `section.*.key`; nil for a variable that
  /// is not on the list. The names are in lower case.
  /// Source: git-config(1) of git 2.39 to 2.51.
  static func kind(of section: String, _ subsection: String?, _ key: String) -> Kind? {
    guard let subsection else { return plain["\(section).\(key)"] }
    switch (section, key) {
    // The severity of a finding; `skipList` is a file and not allowed.
    case ("receive", _) where subsection == "fsck" && key != "skiplist": return .word(["error", "warn", "ignore"])
    case ("uploadpackfilter", "allow"): return .boolean
    case ("uploadpackfilter", "maxdepth"): return .number(0...Int.max)
    case ("gc", "reflogexpire"), ("gc", "reflogexpireunreachable"): return .date
    default: return nil
    }
  }

  /// Extensions that can be left out without changing what the repository's files mean: where missing objects might be
  /// fetched from, and how work trees name each other.
  static let droppedExtensions: Set<String> = ["partialclone", "relativeworktrees"]

  private static let plain: [String: Kind] = [
    "core.repositoryformatversion": .number(0...Int(Int32.max)),
    "core.filemode": .boolean, "core.bare": .boolean, "core.ignorecase": .boolean, "core.symlinks": .boolean,
    "core.precomposeunicode": .boolean, "core.protecthfs": .boolean, "core.protectntfs": .boolean,
    "core.trustctime": .boolean, "core.commitgraph": .boolean, "core.multipackindex": .boolean,
    "core.warnambiguousrefs": .boolean, "core.logallrefupdates": .booleanOr(["always"]),
    "core.sharedrepository": .sharing, "core.autocrlf": .booleanOr(["input"]),
    "core.eol": .word(["lf", "crlf", "native"]),
    "core.safecrlf": .booleanOr(["warn"]), "core.compression": .number(-1...9),
    "core.loosecompression": .number(-1...9),
    "core.bigfilethreshold": .number(1 << 20...1 << 40),

    "extensions.objectformat": .word(["sha1", "sha256"]), "extensions.refstorage": .word(["files", "reftable"]),
    "extensions.noop": .boolean, "extensions.noop-v1": .boolean, "extensions.preciousobjects": .boolean,
    "extensions.worktreeconfig": .boolean,

    "receive.fsckobjects": .boolean, "receive.unpacklimit": .number(-1...Int(Int32.max)),
    "receive.maxinputsize": .number(0...Int.max), "receive.denydeletes": .boolean,
    "receive.denynonfastforwards": .boolean,
    "receive.denydeletecurrent": .booleanOr(["refuse", "warn", "ignore"]), "receive.advertiseatomic": .boolean,
    "receive.advertisepushoptions": .boolean, "receive.keepalive": .number(0...86_400),
    "receive.shallowupdate": .boolean, "receive.hiderefs": .pattern, "receive.autogc": .boolean,
    "receive.updateserverinfo": .boolean,

    "transfer.fsckobjects": .boolean, "transfer.unpacklimit": .number(-1...Int(Int32.max)),
    "transfer.hiderefs": .pattern, "transfer.advertisesid": .boolean,

    "uploadpack.hiderefs": .pattern, "uploadpack.allowtipsha1inwant": .boolean,
    "uploadpack.allowreachablesha1inwant": .boolean, "uploadpack.allowanysha1inwant": .boolean,
    "uploadpack.allowfilter": .boolean, "uploadpack.allowrefinwant": .boolean,
    "uploadpack.allowsidebandall": .boolean, "uploadpack.keepalive": .number(0...86_400),
    "uploadpackfilter.allow": .boolean, "uploadarchive.allowunreachable": .boolean, "tar.umask": .mask,
    "lsrefs.unborn": .word(["advertise", "allow", "ignore"]),

    "gc.auto": .number(0...Int(Int32.max)), "gc.autopacklimit": .number(0...Int(Int32.max)),
    "gc.autodetach": .boolean, "gc.packrefs": .booleanOr(["notbare"]), "gc.pruneexpire": .date,
    "gc.reflogexpire": .date, "gc.reflogexpireunreachable": .date, "maintenance.auto": .boolean,

    "pack.window": .number(0...1000), "pack.depth": .number(0...4095), "pack.compression": .number(-1...9),
    "pack.packsizelimit": .number(0...Int.max), "pack.allowpackreuse": .booleanOr(["single", "multi"]),
    "pack.usesparse": .boolean, "pack.writebitmaphashcache": .boolean, "pack.writereverseindex": .boolean,
    "repack.writebitmaps": .boolean, "repack.usedeltabaseoffset": .boolean, "repack.packkeptobjects": .boolean,
  ]
}
