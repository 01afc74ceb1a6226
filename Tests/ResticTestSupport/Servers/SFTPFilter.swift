import Foundation
public import SystemPackage

/// A program for `sftp.command`: OpenSSH's sftp-server, whose packets are late, changed or lost on their way, and noted.
public struct SFTPFilter: Sendable {
  /// The fault. The first `after` answers of a connection are unchanged.
  public enum Fault: Sendable {
    /// Nothing.
    case none
    /// Each arrives half of the time later.
    case delay(Duration)
    /// The connection ends after a random number of packets, at most so many.
    case cut(atMost: Int)
    /// The connection ends instead of the answer.
    case loseAnswer(after: Int)
    /// Nothing comes any more.
    case silence(after: Int)
    /// The answer has another number than its request.
    case wrongNumber(after: Int)
    /// The answer says that it is two gigabytes long.
    case oversize(after: Int)
    /// The answer is cut to so many bytes, which its length says as well.
    case truncate(after: Int, to: Int)
    /// The answer says that all went well, and nothing else.
    case emptySuccess(after: Int)
    /// A read returns half of the requested bytes.
    case halfReads
    /// The server knows no extensions.
    case noExtensions
    /// A rename replaces an existing file.
    case replacing
    /// Names in folders come without attributes.
    case bareNames
    /// The server greets people first.
    case banner(String)

    var words: [String] {
      switch self {
      case .none: ["none"]
      case .delay(let delay): ["delay", "\(delay / .seconds(2))"]
      case .cut(let count): ["cut", "\(count)"]
      case .loseAnswer(let count): ["lose", "\(count)"]
      case .silence(let count): ["silence", "\(count)"]
      case .wrongNumber(let count): ["number", "\(count)"]
      case .oversize(let count): ["oversize", "\(count)"]
      case .truncate(let count, let length): ["truncate", "\(count)", "\(length)"]
      case .emptySuccess(let count): ["success", "\(count)"]
      case .halfReads: ["half"]
      case .noExtensions: ["plain"]
      case .replacing: ["replacing"]
      case .bareNames: ["bare"]
      case .banner(let text): ["banner", text]
      }
    }
  }

  /// The log: a line for each packet, `> TYPE ID` or `< TYPE ID`, and `connection` for each connection.
  public let log: FilePath
  private let script: FilePath

  /// A filter whose files are in `folder`.
  public init(in folder: FilePath) throws {
    script = folder.appending("filter.py")
    log = folder.appending("filter.log")
    try Data(Self.program.utf8).write(to: URL(fileURLWithPath: script.string))
  }

  /// The command, as `sftp.command` takes it.
  public func command(_ fault: Fault = .none) -> String {
    ([Self.interpreter, script.string, log.string, SSHServer.sftpServer] + fault.words.map { "'\($0)'" }).joined(
      separator: " ")
  }

  /// The distribution's, and no wrapper that takes as long as the test.
  private static var interpreter: String {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") ? "/usr/bin/python3" : "python3"
  }

  /// The lines of the log so far.
  public var lines: [String] {
    // There is no file before the first connection.
    let text = (try? String(contentsOfFile: log.string, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  /// How many connections there were so far.
  public var connectionCount: Int { lines.filter { $0 == "connection" }.count }

  private static let program = """
    import os, queue, random, struct, subprocess, sys, threading, time
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server, fault, args = sys.argv[2], sys.argv[3], sys.argv[4:]
    def note(line): os.write(log, (line + "\\n").encode())
    note("connection")
    child = subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    NAMES = {1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat",
      11: "opendir", 12: "readdir", 13: "remove", 14: "mkdir", 17: "stat", 18: "rename", 2: "version", 101: "status",
      102: "handle", 103: "data", 104: "name", 105: "attrs", 201: "extended"}
    reads = {}
    answers = 0
    packets = 0
    limit = random.randint(1, int(args[0])) if fault == "cut" else None
    def end():
        child.kill()
        os._exit(0)
    def exactly(stream, count):
        data = b""
        while len(data) < count:
            piece = stream.read(count - len(data))
            if not piece: return None
            data += piece
        return data
    def packet(stream):
        try:
            head = exactly(stream, 4)
            return head and exactly(stream, struct.unpack(">I", head)[0])
        except OSError: end()
    def name(body):
        if body[0] == 200:
            length = struct.unpack(">I", body[5:9])[0]
            return body[9:9 + length].decode().split("@")[0]
        return NAMES.get(body[0], str(body[0]))
    def text(data): return struct.pack(">I", len(data)) + data
    def text_at(body, at):
        length = struct.unpack(">I", body[at:at + 4])[0]
        return body[at + 4:at + 4 + length], at + 4 + length
    def to_server(body):
        global packets
        packets += 1
        if limit and packets > limit: end()
        number = struct.unpack(">I", body[1:5])[0]
        note("> %s %d" % (name(body), number))
        if fault == "replacing" and body[0] == 18:
            body = bytes([200]) + body[1:5] + text(b"posix-rename@openssh.com") + body[5:]
        if fault == "half" and body[0] == 5:
            count = struct.unpack(">I", body[-4:])[0]
            body = body[:-4] + struct.pack(">I", max(1, count // 2))
        return struct.pack(">I", len(body)) + body
    def bare(body):
        count, at = struct.unpack(">I", body[5:9])[0], 9
        result = body[:9]
        for _ in range(count):
            file, at = text_at(body, at)
            line, at = text_at(body, at)
            flags = struct.unpack(">I", body[at:at + 4])[0]
            at += 4 + (8 if flags & 1 else 0) + (8 if flags & 2 else 0) + (4 if flags & 4 else 0) + (8 if flags & 8 else 0)
            result += text(file) + text(line) + struct.pack(">I", 0)
        return result
    def from_server(body):
        global answers
        number = struct.unpack(">I", body[1:5])[0]
        note("< %s %d" % (name(body), number))
        if body[0] == 2:
            if fault == "plain": body = body[:5]
            return struct.pack(">I", len(body)) + body
        if fault == "bare" and body[0] == 104: body = bare(body)
        answers += 1
        if args and fault not in ("cut", "delay", "banner") and answers > int(args[0]):
            if fault == "lose": end()
            if fault == "silence": time.sleep(1e6)
            if fault == "number": body = body[:1] + struct.pack(">I", number ^ 0x5555) + body[5:]
            if fault == "oversize": return struct.pack(">I", 1 << 31) + body
            if fault == "truncate": body = body[:int(args[1])]
            if fault == "success": body = bytes([101]) + body[1:5] + struct.pack(">I", 0) + text(b"") + text(b"")
        return struct.pack(">I", len(body)) + body
    def pump(source, target, change):
        late = queue.Queue()
        def write():
            while True:
                due, data = late.get()
                time.sleep(max(0, due - time.monotonic()))  # the delay that the test has chosen
                if data is None:
                    target.close()
                    return
                try:
                    target.write(data); target.flush()
                except OSError: end()
        threading.Thread(target=write, daemon=True).start()
        delay = float(args[0]) if fault == "delay" else 0
        while True:
            body = packet(source)
            late.put((time.monotonic() + delay, body and change(body)))
            if body is None: return
    if fault == "banner":
        os.write(1, args[0].encode())
    threading.Thread(target=pump, args=(sys.stdin.buffer, child.stdin, to_server), daemon=True).start()
    pump(child.stdout, sys.stdout.buffer, from_server)
    child.wait()
    # A moment for what is on its way to the client.
    time.sleep(0.05)
    os._exit(0)

    """
}
