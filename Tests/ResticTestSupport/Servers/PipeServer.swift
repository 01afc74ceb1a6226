public import SystemPackage

/// A server of a test's own that speaks HTTP/2 through its standard input and output, badly in one way.
///
/// The server ignores the headers of a request. Whole answers have five bytes, `hello`.
public enum PipeServer: String, CaseIterable, Sendable {
  /// Every request is answered.
  case good
  /// Prints something other than HTTP/2, like a shell's greeting.
  case greeting
  /// Ends at once, with a last message and exit code 3.
  case end
  /// Never prints anything.
  case mute
  /// Reads requests and answers none.
  case silent
  /// A request is answered by the end of the connection (GOAWAY).
  case goAway
  /// A request is answered by the end of its stream.
  case reset
  /// The header of an answer never ends.
  case endlessHeader
  /// The body of an answer never ends.
  case endlessBody
  /// Of the body of an answer some is missing.
  case shortBody
  /// An answer of 500 with a message that never ends.
  case endlessMessage
  /// The end of an answer comes before that of the request's body: that the request is wrong, or that all is well.
  case early
  case earlySuccess
  /// Reads no more than the first 65,535 bytes of bodies until it has answered a request; then answers all. After each piece
  /// there is a line `received COUNT` in the log.
  case tight

  /// How to start it. Each frame that it receives is a line `TYPE STREAM ERROR` in the file `log`.
  public func words(log: FilePath) -> [String] { ["python3", "-c", Self.script, rawValue, log.string] }

  private static let script = #"""
    import os, struct, sys
    way, log = sys.argv[1], open(sys.argv[2], 'w', buffering=1)
    def exactly(count):
        data = b''
        while len(data) < count:
            piece = os.read(0, count - len(data))
            if not piece: sys.exit(0)
            data += piece
        return data
    def send(kind, flags, stream, data=b''):
        data = struct.pack('>I', len(data))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + data
        while data: data = data[os.write(1, data):]
    def length(count): return b'\x0f\x0d' + bytes([len(str(count))]) + str(count).encode()
    def answer(stream, status=b'\x88', count=5):
        send(1, 4, stream, status + length(count))
    if way == 'greeting':
        os.write(1, b'Welcome to this machine!\nEnjoy.\n' * 100)
    if way == 'end':
        os.write(2, b'some words\nno such remote: \x1b[31mwhat\n')
        sys.exit(3)
    if way in ('greeting', 'mute'):
        while True: exactly(1)
    received, opened = 0, False
    exactly(24)
    send(4, 0, 0, struct.pack('>HI', 4, 1 << 20))
    while True:
        head = exactly(9)
        size, kind, flags = struct.unpack('>I', b'\0' + head[:3])[0], head[3], head[4]
        stream = struct.unpack('>I', head[5:])[0]
        data = exactly(size)
        log.write('%d %d %d\n' % (kind, stream, struct.unpack('>I', data)[0] if kind == 3 else 0))
        if kind == 4 and not flags & 1: send(4, 1, 0)
        if way == 'tight':
            if kind == 0 and size:
                received += size
                log.write('received %d\n' % received)
                if opened: send(8, 0, 0, struct.pack('>I', size))
            if kind in (0, 1) and flags & 1:
                answer(stream)
                send(0, 1, stream, b'hello')
                if not opened: send(8, 0, 0, struct.pack('>I', 1 << 24))
                opened = True
            continue
        if kind == 0 and size: send(8, 0, 0, struct.pack('>I', size)), send(8, 0, stream, struct.pack('>I', size))
        ends = kind in (0, 1) and flags & 1
        if way in ('early', 'earlySuccess') and kind == 1:
            answer(stream, b'\x8c' if way == 'early' else b'\x88')
            send(0, 1, stream, b'hello')
        if not ends: continue
        if way == 'good':
            answer(stream)
            send(0, 1, stream, b'hello')
        elif way == 'goAway': send(7, 0, 0, struct.pack('>II', stream, 11))
        elif way == 'reset': send(3, 0, stream, struct.pack('>I', 2))
        elif way == 'shortBody':
            answer(stream)
            send(0, 1, stream, b'hel')
        elif way == 'endlessHeader':
            field = (b'\0' + b'\x03x-a' + b'\x7f\x81\x03' + b'b' * 512) * 20
            send(1, 0, stream, b'\x88' + field)
            while True: send(9, 0, stream, field)
        elif way in ('endlessBody', 'endlessMessage'):
            send(1, 4, stream, b'\x88' if way == 'endlessBody' else b'\x8e')
            while True: send(0, 0, stream, b'x' * 16384)
    """#
}
