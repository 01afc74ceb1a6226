/// Tree blobs of throwaway repositories as restic 0.14.0 wrote them.
enum RealTrees {
  /// One directory with every type, special modes, odd times, extended attributes and odd link targets.
  static let kinds = bytes(
    ##"""
    {"nodes":[{"name":"big","type":"file","mode":420,"mtime":"2026-11-24T23:02:40.247864623Z","atime":"2\##
    026-11-24T23:02:40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"root\##
    ","group":"root","inode":16229492,"device_id":65024,"size":1800000,"links":1,"content":["307aefb9c53\##
    43b57521c1b9dcc219ec0268ff9c635426fec60af6b577f33f44e","80a994b40cd98b25fe863bd6aa1d6fc2971ddf370b2d\##
    e53faab0382d11fd7bc5"]},{"name":"blk","type":"dev","mode":67109248,"mtime":"2026-11-24T23:02:40.2475\##
    02844Z","atime":"2026-11-24T23:02:40.247502844Z","ctime":"2026-11-24T23:02:40.247502844Z","uid":0,"g\##
    id":0,"user":"root","group":"root","inode":16229476,"device_id":65024,"links":1,"device":1792,"conte\##
    nt":null},{"name":"chr","type":"chardev","mode":69206400,"mtime":"2026-11-24T23:02:40.247502844Z","a\##
    time":"2026-11-24T23:02:40.247502844Z","ctime":"2026-11-24T23:02:40.247502844Z","uid":0,"gid":0,"use\##
    r":"root","group":"root","inode":16229442,"device_id":65024,"links":1,"device":259,"content":null},{\##
    "name":"empty","type":"file","mode":8389101,"mtime":"2026-11-24T23:02:40.247004734Z","atime":"2026-1\##
    1-24T23:02:40.247004734Z","ctime":"2026-11-24T23:02:40.24727809Z","uid":1234567,"gid":7654321,"inode\##
    ":16229379,"device_id":65024,"links":1,"content":[]},{"name":"fifo","type":"fifo","mode":33554848,"m\##
    time":"2026-11-24T23:02:40.235864623Z","atime":"2026-11-24T23:02:40.235864623Z","ctime":"2026-11-24T\##
    23:02:40.235864623Z","uid":0,"gid":0,"user":"root","group":"root","inode":16229347,"device_id":65024\##
    ,"content":null},{"name":"hello","type":"file","mode":420,"mtime":"2026-11-24T23:02:40.247004734Z","\##
    atime":"2026-11-24T23:02:40.247004734Z","ctime":"2026-11-24T23:02:40.247004734Z","uid":0,"gid":0,"us\##
    er":"root","group":"root","inode":16229362,"device_id":65024,"size":5,"links":2,"extended_attributes\##
    ":[{"name":"user.a","value":"AP92"},{"name":"user.empty","value":""}],"content":["2cf24dba5fb0a30e26\##
    e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]},{"name":"hello2","type":"file","mode":420,"mtime":\##
    "2026-11-24T23:02:40.247004734Z","atime":"2026-11-24T23:02:40.247004734Z","ctime":"2026-11-24T23:02:\##
    40.247004734Z","uid":0,"gid":0,"user":"root","group":"root","inode":16229362,"device_id":65024,"size\##
    ":5,"links":2,"extended_attributes":[{"name":"user.a","value":"AP92"},{"name":"user.empty","value":"\##
    "}],"content":["2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]},{"name":"link0",\##
    "type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.247864623Z","atime":"2026-11-24T23:02\##
    :40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"root","group":"root\##
    ","inode":16229508,"device_id":65024,"links":1,"linktarget":"plain","content":null},{"name":"link1",\##
    "type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.247864623Z","atime":"2026-11-24T23:02\##
    :40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"root","group":"root\##
    ","inode":16229584,"device_id":65024,"links":1,"linktarget":"a\ufffdb","content":null},{"name":"link\##
    2","type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.247864623Z","atime":"2026-11-24T23\##
    :02:40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"root","group":"r\##
    oot","inode":16229585,"device_id":65024,"links":1,"linktarget":"é","content":null},{"name":"link3","\##
    type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.247864623Z","atime":"2026-11-24T23:02:\##
    40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"root","group":"root"\##
    ,"inode":16229586,"device_id":65024,"links":1,"linktarget":"q\"\\\u003c\u003e\u0026","content":null}\##
    ,{"name":"link4","type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.247864623Z","atime":\##
    "2026-11-24T23:02:40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":0,"gid":0,"user":"ro\##
    ot","group":"root","inode":16229587,"device_id":65024,"links":1,"linktarget":"\u0008\u000c\u0001\##u{7f}\t\\##
    n\r","content":null},{"name":"link5","type":"symlink","mode":134218239,"mtime":"2026-11-24T23:02:40.\##
    247864623Z","atime":"2026-11-24T23:02:40.247864623Z","ctime":"2026-11-24T23:02:40.247864623Z","uid":\##
    0,"gid":0,"user":"root","group":"root","inode":16229588,"device_id":65024,"links":1,"linktarget":"\u\##
    2028\u2029","content":null},{"name":"link6","type":"symlink","mode":134218239,"mtime":"2026-11-24T23\##
    :02:40.251864623Z","atime":"2026-11-24T23:02:40.251864623Z","ctime":"2026-11-24T23:02:40.251864623Z"\##
    ,"uid":0,"gid":0,"user":"root","group":"root","inode":16229589,"device_id":65024,"links":1,"linktarg\##
    et":"\ufffd\ufffd\ufffd","content":null},{"name":"link7","type":"symlink","mode":134218239,"mtime":"\##
    2026-11-24T23:02:40.259864623Z","atime":"2026-11-24T23:02:40.259864623Z","ctime":"2026-11-24T23:02:4\##
    0.259864623Z","uid":0,"gid":0,"user":"root","group":"root","inode":16229590,"device_id":65024,"links\##
    ":1,"linktarget":"�","content":null},{"name":"nomode","type":"file","mtime":"2026-11-24T23:02:40.247\##
    27809Z","atime":"2026-11-24T23:02:40.24727809Z","ctime":"2026-11-24T23:02:40.247502844Z","uid":0,"gi\##
    d":0,"user":"root","group":"root","inode":16229426,"device_id":65024,"links":1,"content":[]},{"name"\##
    :"old","type":"file","mode":420,"mtime":"1969-12-31T23:59:59.999999999Z","atime":"1969-12-31T23:59:5\##
    9.999999999Z","ctime":"2026-11-24T23:02:40.263746564Z","uid":0,"gid":0,"user":"root","group":"root",\##
    "inode":16229596,"device_id":65024,"links":1,"content":[]},{"name":"sg","type":"file","mode":4194761\##
    ,"mtime":"2026-11-24T23:02:40.24727809Z","atime":"2026-11-24T23:02:40.24727809Z","ctime":"2026-11-24\##
    T23:02:40.24727809Z","uid":65534,"gid":65534,"user":"nobody","group":"nogroup","inode":16229394,"dev\##
    ice_id":65024,"size":1,"links":1,"content":["2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db0225871\##
    7921a4881"]},{"name":"sticky","type":"dir","mode":2148532735,"mtime":"2026-11-24T23:02:40.24727809Z"\##
    ,"atime":"2026-11-24T23:02:40.24727809Z","ctime":"2026-11-24T23:02:40.24727809Z","uid":0,"gid":0,"us\##
    er":"root","group":"root","inode":16229410,"device_id":65024,"content":null,"subtree":"ac08ce34ba4f8\##
    123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8"},{"name":"t0","type":"file","mode":420,"mtime":\##
    "2023-11-14T22:13:20Z","atime":"2023-11-14T22:13:20Z","ctime":"2026-11-24T23:02:40.263223737Z","uid"\##
    :0,"gid":0,"user":"root","group":"root","inode":16229591,"device_id":65024,"links":1,"content":[]},{\##
    "name":"t1","type":"file","mode":420,"mtime":"2023-11-14T22:13:20.000000001Z","atime":"2023-11-14T22\##
    :13:20.000000001Z","ctime":"2026-11-24T23:02:40.263339118Z","uid":0,"gid":0,"user":"root","group":"r\##
    oot","inode":16229592,"device_id":65024,"links":1,"content":[]},{"name":"t2","type":"file","mode":42\##
    0,"mtime":"2023-11-14T22:13:20.0000001Z","atime":"2023-11-14T22:13:20.0000001Z","ctime":"2026-11-24T\##
    23:02:40.263442812Z","uid":0,"gid":0,"user":"root","group":"root","inode":16229593,"device_id":65024\##
    ,"links":1,"content":[]},{"name":"t3","type":"file","mode":420,"mtime":"2023-11-14T22:13:20.12Z","at\##
    ime":"2023-11-14T22:13:20.12Z","ctime":"2026-11-24T23:02:40.263543562Z","uid":0,"gid":0,"user":"root\##
    ","group":"root","inode":16229594,"device_id":65024,"links":1,"content":[]},{"name":"t4","type":"fil\##
    e","mode":420,"mtime":"2023-11-14T22:13:20.999999999Z","atime":"2023-11-14T22:13:20.999999999Z","cti\##
    me":"2026-11-24T23:02:40.263644212Z","uid":0,"gid":0,"user":"root","group":"root","inode":16229595,"\##
    device_id":65024,"links":1,"content":[]}]}

    """##)

  /// A directory with one directory in it.
  static let single = bytes(
    ##"""
    {"nodes":[{"name":"tmp","type":"dir","mode":2148532735,"mtime":"2026-11-25T04:32:43.123864689+05:30"\##
    ,"atime":"2026-11-25T04:32:43.123864689+05:30","ctime":"2026-11-25T04:32:43.123864689+05:30","uid":0\##
    ,"gid":0,"user":"root","group":"root","inode":253853,"device_id":65024,"content":null,"subtree":"c31\##
    d5044cbd02381d57eb73bd5226166ca33eeb5ad10d042c9e459242fe22e1a"}]}

    """##)

  /// An empty directory.
  static let empty = bytes(
    ##"""
    {"nodes":[]}

    """##)

  private static func bytes(_ text: StaticString) -> [UInt8] {
    text.withUTF8Buffer { Array($0) }
  }
}
