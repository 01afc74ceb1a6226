/// The type of a node, as the text that restic stores for it.
public enum NodeType: Hashable, Sendable {
  case file, dir, symlink, dev, chardev, fifo, socket
  /// Any other text (`irregular`, or one of a later version), kept as it is.
  case other(String)

  /// The text in JSON.
  public var text: String {
    switch self {
    case .file: "file"
    case .dir: "dir"
    case .symlink: "symlink"
    case .dev: "dev"
    case .chardev: "chardev"
    case .fifo: "fifo"
    case .socket: "socket"
    case .other(let text): text
    }
  }

  /// The type that `text` names.
  public init(text: String) {
    switch text {
    case "file": self = .file
    case "dir": self = .dir
    case "symlink": self = .symlink
    case "dev": self = .dev
    case "chardev": self = .chardev
    case "fifo": self = .fifo
    case "socket": self = .socket
    default: self = .other(text)
    }
  }
}
