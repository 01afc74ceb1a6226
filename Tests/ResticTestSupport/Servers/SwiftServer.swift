import Foundation
public import SystemPackage

/// OpenStack Swift with s3api, a production store that is strict: it checks signatures, regions, hashes and conditions. It has
/// nothing to do with the language.
///
/// The server takes some 20 s to start and answers some 25 requests a second, so tests that use it are slow tests (`SlowTests`).
/// `scripts/bootstrap --slow` gets it from PyPI.
public final class SwiftServer: Sendable {
  /// The key for signing requests.
  public static let environment = ["AWS_ACCESS_KEY_ID": "test:tester", "AWS_SECRET_ACCESS_KEY": "testing-7731"]
  /// The server's region, which is not the default region.
  public static let region = "eu-test-7"

  /// Its port of 127.0.0.1.
  public let port: UInt16
  private let program: BackgroundProgram

  /// Starts a server that keeps everything in `folder`, which is new, and returns when the server answers.
  public init(folder: FilePath) async throws {
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    let python = try TestTools.folder("swift-tools").appending("bin/python").string
    program = try BackgroundProgram(
      python, ["-B", "-c", Self.script, folder.string, Self.region], log: folder.appending("log"))
    let program = program
    var found: UInt16?
    try await waitUntil(.seconds(300)) {
      found = program.output.split(separator: "\n").first { $0.hasPrefix("ready ") }.flatMap { UInt16($0.dropFirst(6)) }
      return found != nil
    }
    port = found ?? 0
  }

  /// Ends the server at once.
  public func stop() async throws { try await program.stop() }

  /// The server's log.
  public var log: String { program.output }

  /// `s3:http://127.0.0.1:4711/bucket`.
  public func location(_ path: String = "vault") -> String { "s3:http://127.0.0.1:\(port)/\(path)" }

  /// Four servers, each a process, and a ring of one disk for each kind of thing. Source: OpenStack Swift, "SAIO".
  private static let script = #"""
    import ctypes, http.client, os, pwd, signal, socket, subprocess, sys, time
    folder, region = sys.argv[1:3]
    user = pwd.getpwuid(os.getuid()).pw_name
    os.makedirs(folder + '/disks/d1')
    kinds = ['account', 'container', 'object', 'proxy']
    sockets = [socket.socket() for _ in kinds]
    for s in sockets:
        s.bind(('127.0.0.1', 0))
    ports = dict(zip(kinds, (s.getsockname()[1] for s in sockets)))
    for s in sockets:
        s.close()

    def write(name, text):
        with open(f'{folder}/{name}', 'w') as file:
            file.write(text)

    common = f'bind_ip = 127.0.0.1\nworkers = 0\nuser = {user}\nswift_dir = {folder}\n'
    for kind in kinds[:3]:
        write(kind + '.conf', f'''[DEFAULT]
    {common}bind_port = {ports[kind]}
    devices = {folder}/disks
    mount_check = false
    [pipeline:main]
    pipeline = {kind}-server
    [app:{kind}-server]
    use = egg:swift#{kind}
    ''')
        builder = f'{folder}/{kind}.builder'
        for words in (['create', '2', '1', '1'], ['add', f'r1z1-127.0.0.1:{ports[kind]}/d1', '1'], ['rebalance']):
            subprocess.run([os.path.dirname(sys.executable) + '/swift-ring-builder', builder] + words, check=True,
                           stdout=subprocess.DEVNULL)
    write('proxy.conf', f'''[DEFAULT]
    {common}bind_port = {ports['proxy']}
    [pipeline:main]
    pipeline = catch_errors gatekeeper healthcheck listing_formats s3api tempauth slo proxy-server
    [app:proxy-server]
    use = egg:swift#proxy
    account_autocreate = true
    [filter:tempauth]
    use = egg:swift#tempauth
    user_test_tester = testing-7731 .admin
    [filter:s3api]
    use = egg:swift#s3api
    location = {region}
    [filter:catch_errors]
    use = egg:swift#catch_errors
    [filter:gatekeeper]
    use = egg:swift#gatekeeper
    [filter:healthcheck]
    use = egg:swift#healthcheck
    [filter:listing_formats]
    use = egg:swift#listing_formats
    [filter:slo]
    use = egg:swift#slo
    ''')
    # It reads its own file in /etc before anything else.
    write('swift.conf', '[swift-hash]\nswift_hash_path_suffix = test\nswift_hash_path_prefix = test\n')
    start = f'''
    import sys
    import swift.common.utils as utils
    for module in [utils] + [sys.modules[n] for n in list(sys.modules) if n.startswith('swift.common.utils.')]:
        if hasattr(module, 'SWIFT_CONF_FILE'):
            module.SWIFT_CONF_FILE = {folder!r} + '/swift.conf'
    from swift.common.wsgi import run_wsgi
    sys.exit(run_wsgi(sys.argv[1], sys.argv[2]))
    '''
    # They leave the process group, so each asks to be killed with this process (PR_SET_PDEATHSIG).
    library = ctypes.CDLL(None)
    servers = [subprocess.Popen([sys.executable, '-B', '-c', start, f'{folder}/{kind}.conf', f'{kind}-server'],
                                preexec_fn=lambda: library.prctl(1, signal.SIGKILL)) for kind in kinds]

    def answers(kind):
        try:
            connection = http.client.HTTPConnection('127.0.0.1', ports[kind], timeout=60)
            connection.request('GET', '/healthcheck')
            return connection.getresponse().status < 500
        except OSError:
            return False

    while not all(map(answers, kinds)):
        ended = [server.args[-1] for server in servers if server.poll() is not None]
        if ended:
            sys.exit(f'ended: {ended}')
        time.sleep(0.05)  # the pause between two looks
    print('ready', ports['proxy'], flush=True)
    servers[0].wait()
    """#
}
