import Glibc
import ResticCore

extension Timestamp {
  /// `2025-01-02 03:04:05` in the local time zone, as restic shows and takes times.
  var localText: String {
    var seconds = time_t(seconds)
    var fields = tm()
    guard localtime_r(&seconds, &fields) != nil else { return rfc3339 }
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &fields)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
