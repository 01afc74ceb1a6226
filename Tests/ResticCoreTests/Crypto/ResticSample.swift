/// Bytes that restic 0.14 wrote into a throwaway version-2 repository with the password "geheim".
enum ResticSample {
  /// The key file's salt; its cost was N = 32768, r = 8, p = 7.
  static let salt = Vector.hex(
    """
      2ae1232d01be518d66fa145aa190ca3a381d305b4712e52ab9d610041b3dea82ac01ba94bebe3159795bd8c2519bf157
      8b9ccefbc0f9b2f915a6eb26d69fc99c
    """)

  /// The key file's `data`: the master key as JSON, sealed with the key that scrypt makes of the password.
  static let sealedMasterKey = Vector.hex(
    """
      fcc29c496c51fc3974e78fb340bc8020f71d95920651f2254e3a350928bd54545694b74436f75fbd747ddf0d6d67bd3c
      aa23f1181a22f35b6ace96ed4dc519a85c06f5898f39b52ac2f084be58f39acf01d4fca050a1d02e8c83edf35bf3dc9c
      d124d12828da1ed988787f476ff9152f4c04dd1c2d39bebd0bb9407a1d9ed2d196291ebe0a96013330a913dd7faee45d
      639fabb1207f1f4a1888dbe70bd4b4d1
    """)

  /// The content of `sealedMasterKey`.
  static let masterKeyJSON =
    #"{"mac":{"k":"riNZZA/YvX2JkAWtcjTuag==","r":"iO2GDgwsJAHojLQFkDOSBA=="},"encrypt":"zp3p8z8RLkEW+fcI2N6pQL40dILkVQSMBTIHzvDlWtg="}"#

  /// The master key as `encrypt ‖ k ‖ r`.
  static let masterKey = Vector.hex(
    """
      ce9de9f33f112e4116f9f708d8dea940be347482e455048c053207cef0e55ad8ae2359640fd8bd7d899005ad7234ee6a
      88ed860e0c2c2401e88cb40590339204
    """)

  /// A snapshot file, sealed with the master key: byte 2, then one zstd frame.
  static let sealedSnapshot = Vector.hex(
    """
      f93738ab2c4036a1e50add30226ed9754cefe17baa103bd396c679f5f4946810911eb13b63da0de7e1ac1d00e3b30170
      fb31d90b789d17bf6f58678c39fd402d2d768e5afe0e89f38d9636fc89cc44f8447f0981e26c068eda7ae30543b8ef50
      d9d07cd7879a91ff761ded33d4e4d990e6253947989c73aa8dc065ababef08cdec83d2abae10439703d698e3478c2973
      80d86d220aa87946985df77717cc0acd31c67fdd039ffbe6f4d710f6b84280623dc1b704c62f1d87726bc226ddbfb50f
      ead0da7cff224116b077aef4fb93fdd67278b8da64166ed53c619a6d82348f8f12fbbf40201b
    """)

  /// The JSON in `sealedSnapshot` begins so.
  static let snapshotPrefix = #"{"time":"2026-11-24T22:53:23.674800407Z","parent":"46192a0d78e3ddb5"#
}
