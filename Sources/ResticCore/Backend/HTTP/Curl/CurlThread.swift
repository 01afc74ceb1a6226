internal import CCurl
internal import SystemPackage

/// The thread on which libcurl works for one transport. It starts with the first request and ends after `stop`.
///
/// Other threads reach it through `inbox`, a leaf lock; everything else is accessed by this thread only, hence
/// `@unchecked`.
final class CurlThread: @unchecked Sendable {
  private struct Inbox {
    var begun: [CurlTransfer] = []
    var cancelled: [CurlTransfer] = []
    var isRunning = false
    var isStopped = false
  }

  /// The longest sleep; a request wakes the thread earlier.
  private static let longestSleep = Duration.seconds(3600)
  /// The most idle handles that are kept for the next requests.
  private static let mostIdleHandles = 16

  private let inbox = Locked(Inbox())
  private let multi: UnsafeMutableRawPointer
  private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
  private var idleHandles: [CurlHandle] = []
  private let rates: TransferRates

  /// A thread with limits in bytes a second; nil: no limit.
  init(uploadLimit: Int?, downloadLimit: Int?) {
    guard let multi = ccurl_multi_init() else { preconditionFailure("no memory for a network connection") }
    self.multi = multi
    rates = TransferRates(uploadLimit: uploadLimit, downloadLimit: downloadLimit)
  }

  deinit {
    for handle in idleHandles { handle.cleanUp() }
    ccurl_multi_cleanup(multi)
  }

  /// Carries `transfer` out.
  func run(_ transfer: CurlTransfer) async -> Result<HTTPResponse, HTTPFailure> {
    await withCheckedContinuation { continuation in
      transfer.continuation = continuation
      let needsThread = inbox.withLock { inbox in
        inbox.begun.append(transfer)
        defer { inbox.isRunning = true }
        return !inbox.isRunning
      }
      do throws(Errno) {
        // The thread keeps this object alive until it is stopped.
        if needsThread { try PlainThread.start { self.work() } }
      } catch {
        inbox.withLock { $0.isRunning = false }
        return failAll(error)
      }
      wake()
    }
  }

  /// Ends `transfer` as soon as possible, wherever it is.
  func cancel(_ transfer: CurlTransfer) {
    transfer.isCancelled.withLock { $0 = true }
    inbox.withLock { $0.cancelled.append(transfer) }
    wake()
  }

  /// Ends the thread. It must not be used afterwards.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    wake()
  }

  /// May be called from any thread.
  private func wake() {
    ccurl_multi_wakeup(multi)
  }

  /// Fails all waiting requests, because there is no thread for them.
  private func failAll(_ error: Errno) {
    for transfer in inbox.withLock({ inbox in
      defer { inbox.begun = [] }
      return inbox.begun
    }) {
      transfer.end(.failure(.interrupted("cannot start a thread for the network: \(error)")))
    }
  }

  // MARK: On the thread

  private func work() {
    while true {
      let news = inbox.withLock { inbox in
        defer { (inbox.begun, inbox.cancelled) = ([], []) }
        return inbox
      }
      for transfer in news.begun { begin(transfer) }
      for transfer in news.cancelled {
        if let handle = transfer.handle { finish(handle, transfer, .failure(.cancelled), isUsable: false) }
      }
      if news.isStopped, transfers.isEmpty { return }

      var runningCount: Int32 = 0
      ccurl_multi_perform(multi, &runningCount)
      finishDone()
      resumePaused()
      // Rounded up: a thread that wakes too early finds nothing to do.
      let sleep = transfers.values.compactMap(\.pauseLeft).min() ?? Self.longestSleep
      ccurl_multi_poll(multi, nil, 0, Int32(sleep / .milliseconds(1)) + 1, nil)
    }
  }

  private func begin(_ transfer: CurlTransfer) {
    guard !transfer.isCancelled.withLock({ $0 }) else { return transfer.end(.failure(.cancelled)) }
    guard let handle = idleHandles.popLast() ?? CurlHandle() else {
      return transfer.end(.failure(.interrupted("not enough memory for a request")))
    }
    transfer.begin(on: handle, rates: rates)
    transfers[handle.pointer] = transfer
    ccurl_multi_add_handle(multi, handle.pointer)
  }

  private func finishDone() {
    var remaining: Int32 = 0
    while let message = ccurl_multi_info_read(multi, &remaining) {
      guard message.pointee.msg == CURLMSG_DONE, let pointer = message.pointee.easy_handle,
        let transfer = transfers[pointer], let handle = transfer.handle
      else { continue }
      let code = ccurl_message_result(message)
      finish(handle, transfer, transfer.result(code), isUsable: code == CURLE_OK)
    }
  }

  /// `isUsable`: the handle can be reused. After a failure it may be in any state, and refuse options.
  private func finish(
    _ handle: CurlHandle, _ transfer: CurlTransfer, _ result: Result<HTTPResponse, HTTPFailure>, isUsable: Bool
  ) {
    ccurl_multi_remove_handle(multi, handle.pointer)
    transfers[handle.pointer] = nil
    if isUsable, idleHandles.count < Self.mostIdleHandles {
      handle.reset()
      idleHandles.append(handle)
    } else {
      handle.cleanUp()
    }
    transfer.end(result)
  }

  /// Resumes requests that had to wait for the rate.
  private func resumePaused() {
    for transfer in transfers.values where transfer.pauseLeft == .zero { transfer.resume() }
  }
}
