import Glibc
import SystemPackage

@testable import ResticCore

/// Extended attributes of files, by the system's calls: Swift's Glibc module leaves `sys/xattr.h` out.
enum FileAttributes {
  private typealias List = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>, Int) -> Int
  private typealias Get =
    @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer, Int) -> Int
  private typealias Set =
    @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, CInt) -> CInt

  private static func function<Function>(_ name: String, as type: Function.Type) throws -> Function {
    guard let address = dlsym(nil, name) else { throw Errno.noFunction }
    return unsafeBitCast(address, to: type)
  }

  /// All of `path`'s own, in no particular order; symbolic links are not followed.
  static func read(_ path: FilePath) throws -> [ExtendedAttribute] {
    let listNames = try function("llistxattr", as: List.self)
    let getValue = try function("lgetxattr", as: Get.self)
    var list = [CChar](repeating: 0, count: 4096)
    let length = path.withPlatformString { listNames($0, &list, list.count) }
    guard length >= 0 else { throw Errno(rawValue: errno) }
    return try list.prefix(length).split(separator: 0).map { name in
      let text = String(decoding: name.map(UInt8.init(bitPattern:)), as: UTF8.self)
      var value = [UInt8](repeating: 0, count: 4096)
      let count = path.withPlatformString { getValue($0, text, &value, value.count) }
      guard count >= 0 else { throw Errno(rawValue: errno) }
      return ExtendedAttribute(name: Name(text), value: Array(value.prefix(count)))
    }
  }

  static func set(_ name: String, _ value: [UInt8], of path: FilePath) throws {
    let setValue = try function("lsetxattr", as: Set.self)
    try SourceTree.check(path.withPlatformString { setValue($0, name, value, value.count, 0) })
  }
}
