/// Files of throwaway repositories as restic 0.14.0 wrote them, decrypted; the password was "x".
enum RealFiles {
  /// A config of version 1.
  static let config = bytes(
    ##"""
    {"version":1,"id":"9fbd992459b53448288f9d8441ae2998fce54cf05902008037cc4c40eedfda9f","chunker_polyno\##
    mial":"21e117a534e7f5"}
    """##)

  /// A key file.
  static let keyFile = bytes(
    ##"""
    {"created":"2026-11-24T23:02:42.052392065Z","username":"nobody","hostname":"vm","kdf":"scrypt","N":3\##
    2768,"r":8,"p":4,"salt":"pUi8tEfG/wXT1iHHoHTMzpBeBxeWAATEEjXe8c9ja+eFwwDGPU1a13jYIVw2itOZVN0XfxAvPRW\##
    QWU3rbIAG4g==","data":"dy7StRQGt8JAQz7HxvYQXhp1FRvBXcJp9UBrcFRr0jP3I7XFGjNMDRPUmSvIOZ0Mst1m+IiDJHYZN\##
    34o7w35cckaNw2INoYSICJnVWlGJbNQ25NFbWv9qO0gB9A2Ecg22yCMlT7o6nPl3WH4MF3oksbIXTKVXqrcHKuUTGSitbn5pOaDI\##
    pjMawXiWkeca9zHzCq++aO7pA4Ve6AlZaYugg=="}
    """##)

  /// The master key in `keyFile`: encrypt, k, r.
  static let masterKey = Vector.hex(
    """
    778514d0c3f79a452bd48abd0d9d569d1de70b6b79c0aaae410805d12d7132cbb91a0c139a24caccc9d86aa9c839095109f4\
    d20b649f1206a496300a6c5a0505
    """)

  /// The sealed content of `keyFile`.
  static let masterKeyJSON = bytes(
    ##"""
    {"mac":{"k":"uRoME5okyszJ2GqpyDkJUQ==","r":"CfTSC2SfEgakljAKbFoFBQ=="},"encrypt":"d4UU0MP3mkUr1Iq9DZ\##
    1WnR3nC2t5wKquQQgF0S1xMss="}
    """##)

  /// A snapshot by root: no uid and gid.
  static let rootSnapshot = bytes(
    ##"""
    {"time":"2026-11-24T23:02:47.625389282Z","tree":"645af83252ea9bf49a89f17fb30f33f12af4bffc265933db35d\##
    d419f0bebd433","paths":["/tmp/fmt-k/kinds"],"hostname":"vm","username":"root"}
    """##)

  /// A snapshot of standard input, written east of Greenwich.
  static let stdinSnapshot = bytes(
    ##"""
    {"time":"2026-11-25T04:32:44.598291992+05:30","tree":"c1034742baba8a811b7c06ed2f7d68c8368127c418915d\##
    2772e3c2a2701a4dca","paths":["/stdin"],"hostname":"vm","username":"nobody","uid":65534,"gid":65534}
    """##)

  /// A snapshot with excludes and tags.
  static let excludingSnapshot = bytes(
    ##"""
    {"time":"2026-11-25T04:32:42.497994095+05:30","tree":"e2533e0dd7a0b9fee116557b4377b3813261ebaad19ab8\##
    39d59812cac6ad2204","paths":["/tmp/fmt-v1/small"],"hostname":"h\"o","username":"nobody","uid":65534,\##
    "gid":65534,"excludes":["*.tmp","q'\"\u0026"],"tags":["a","b\u003cc"]}
    """##)

  /// A snapshot with parent and original, written west of Greenwich.
  static let retaggedSnapshot = bytes(
    ##"""
    {"time":"2026-11-24T19:32:43.1746871-03:30","parent":"d62db8633917ae89c8bcdc4c18a85992c8e81bcab03240\##
    09d8c5758cdd859e6c","tree":"1115f24124326f208c46c3260c08e253616ee072272e2fabe0cebcc00635fdac","paths\##
    ":["/tmp/fmt-v1/small"],"hostname":"h\"o","username":"nobody","uid":65534,"gid":65534,"tags":["new"]\##
    ,"original":"6cc676eccf4a17d46871a522458251d2fe23b3775892cd27bb76ceae1884932d"}
    """##)

  static let snapshots = [rootSnapshot, stdinSnapshot, excludingSnapshot, retaggedSnapshot]

  /// A shared lock.
  static let lock = bytes(
    ##"""
    {"time":"2026-11-25T04:32:45.122371376+05:30","exclusive":false,"hostname":"vm","username":"nobody",\##
    "pid":23559,"uid":65534,"gid":65534}
    """##)

  /// An index of a version 1 repository.
  static let plainIndex = bytes(
    ##"""
    {"packs":[{"id":"8037264ed51f5573752dc2945a20966c167d8df12afaceb7aa49be8da5eb1b69","blobs":[{"id":"9\##
    8ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4","type":"data","offset":0,"length":3\##
    5}]},{"id":"2d6cfbaa3a265e1861ac953289aa4f202d3e9f71b29c462a99308d9dc930e3b3","blobs":[{"id":"a9919b\##
    e5f2303cd3b5e52769aa158beccb4a580424bcdecd78b633490e515e03","type":"tree","offset":45,"length":772},\##
    {"id":"e2533e0dd7a0b9fee116557b4377b3813261ebaad19ab839d59812cac6ad2204","type":"tree","offset":1632\##
    ,"length":398},{"id":"ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8","type":"tree\##
    ","offset":0,"length":45},{"id":"c31d5044cbd02381d57eb73bd5226166ca33eeb5ad10d042c9e459242fe22e1a","\##
    type":"tree","offset":1229,"length":403},{"id":"30aef65dfdf5196001ce29869b016dcc886bb9e51b07f452b2c7\##
    1f8bfc55d9c0","type":"tree","offset":817,"length":412}]}]}

    """##)

  /// An index of a version 2 repository.
  static let compressedIndex = bytes(
    ##"""
    {"packs":[{"id":"394f38cdec00721cd444879f8e6a02d11300eab667ec8e4eb0dd87191242949b","blobs":[{"id":"2\##
    d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","type":"data","offset":46,"length":\##
    42,"uncompressed_length":1},{"id":"62b53678422c67f81026387153ca0dcb8e42cd4d350958f6a45f16526a817086"\##
    ,"type":"data","offset":7603503,"length":1397053,"uncompressed_length":1396978},{"id":"0c6e5df6bb5f2\##
    f15f176b040328dc3065d6b1901f6424cc4317f37845f6687ef","type":"data","offset":4891015,"length":1211120\##
    ,"uncompressed_length":1211048},{"id":"717d3a2f78923f5965cc7ea0cfb19a40aaaccc6a5bdd6d2f1e7c78e9b5d27\##
    d5e","type":"data","offset":4202414,"length":688601,"uncompressed_length":688541},{"id":"88056be8e79\##
    33c507beb46ee50f9cb85bf8030daf0d273dd1447112a09a5aa82","type":"data","offset":2705237,"length":14971\##
    77,"uncompressed_length":1497099},{"id":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938\##
    b9824","type":"data","offset":0,"length":46,"uncompressed_length":5},{"id":"5cc8c39d18bd7b8fd649cb55\##
    40f26b4cc8295d34e705c862c0fc153194fa5191","type":"data","offset":88,"length":2705149,"uncompressed_l\##
    ength":2705044},{"id":"a82c2e8b331e23bbe8b4427f705e66073261ee86bdb28f19502f5f7efb2252de","type":"dat\##
    a","offset":6102135,"length":1501368,"uncompressed_length":1501290}]},{"id":"4031039bea3a22487f044b3\##
    d88faaa1efae26dcfd4ab8dde5f0fe8f70c98284e","blobs":[{"id":"8e706f979440784586818377eee5c2343aea89da7\##
    59bf3f69672e26ee9de5d9b","type":"tree","offset":422,"length":732,"uncompressed_length":11752},{"id":\##
    "f32273d953d91335b72120eb06bd5fa035793ceafdf35052a3615b560dbc6752","type":"tree","offset":4049,"leng\##
    th":417,"uncompressed_length":1383},{"id":"30dd1fa449a519ccff8e9a53f62fa10588bd2ddbe94d1b54043058fd2\##
    f44a510","type":"tree","offset":54,"length":368,"uncompressed_length":5736},{"id":"523a0a792983e69fc\##
    806cca9989301f203b7c02f307cb28e3bfbc9f24525011e","type":"tree","offset":4466,"length":253,"uncompres\##
    sed_length":357},{"id":"f3dc5292adea4c32ce936cc16a4baaec4312ad23a0f2d3518d525ac7188b4bf6","type":"tr\##
    ee","offset":1154,"length":1168,"uncompressed_length":5745},{"id":"ac08ce34ba4f8123618661bef2425f702\##
    8ffb9ac740578a3ee88684d2523fee8","type":"tree","offset":0,"length":54,"uncompressed_length":13},{"id\##
    ":"6a02e91d25a2e99e13c219534c7dddcb5e36ceed0371c3c089b0e55cc45d6d02","type":"tree","offset":2322,"le\##
    ngth":1727,"uncompressed_length":67451}]}]}

    """##)

  /// The header of the data pack that `compressedIndex` names.
  static let dataPackHeader = Vector.hex(
    """
    022e000000050000002cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824022a00000001000000\
    2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a488102fd462900944629005cc8c39d18bd7b8fd6\
    49cb5540f26b4cc8295d34e705c862c0fc153194fa51910259d816000bd8160088056be8e7933c507beb46ee50f9cb85bf80\
    30daf0d273dd1447112a09a5aa8202d9810a009d810a00717d3a2f78923f5965cc7ea0cfb19a40aaaccc6a5bdd6d2f1e7c78\
    e9b5d27d5e02f07a1200a87a12000c6e5df6bb5f2f15f176b040328dc3065d6b1901f6424cc4317f37845f6687ef02b8e816\
    006ae81600a82c2e8b331e23bbe8b4427f705e66073261ee86bdb28f19502f5f7efb2252de023d511500f250150062b53678\
    422c67f81026387153ca0dcb8e42cd4d350958f6a45f16526a817086
    """)

  /// The header of the tree pack that `compressedIndex` names.
  static let treePackHeader = Vector.hex(
    """
    03360000000d000000ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8037001000068160000\
    30dd1fa449a519ccff8e9a53f62fa10588bd2ddbe94d1b54043058fd2f44a51003dc020000e82d00008e706f979440784586\
    818377eee5c2343aea89da759bf3f69672e26ee9de5d9b039004000071160000f3dc5292adea4c32ce936cc16a4baaec4312\
    ad23a0f2d3518d525ac7188b4bf603bf0600007b0701006a02e91d25a2e99e13c219534c7dddcb5e36ceed0371c3c089b0e5\
    5cc45d6d0203a101000067050000f32273d953d91335b72120eb06bd5fa035793ceafdf35052a3615b560dbc675203fd0000\
    0065010000523a0a792983e69fc806cca9989301f203b7c02f307cb28e3bfbc9f24525011e
    """)

  /// The header of the tree pack that `plainIndex` names.
  static let plainPackHeader = Vector.hex(
    """
    012d000000ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee80104030000a9919be5f2303cd3\
    b5e52769aa158beccb4a580424bcdecd78b633490e515e03019c01000030aef65dfdf5196001ce29869b016dcc886bb9e51b\
    07f452b2c71f8bfc55d9c00193010000c31d5044cbd02381d57eb73bd5226166ca33eeb5ad10d042c9e459242fe22e1a018e\
    010000e2533e0dd7a0b9fee116557b4377b3813261ebaad19ab839d59812cac6ad2204
    """)

  private static func bytes(_ text: StaticString) -> [UInt8] {
    text.withUTF8Buffer { Array($0) }
  }
}
