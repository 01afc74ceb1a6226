// swift-tools-version: 6.1
import PackageDescription

/// One set of settings for every Swift target: warnings are errors, the language mode is Swift 6.
let settings: [SwiftSetting] = [
  .unsafeFlags(["-warnings-as-errors"]),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

/// The commit that `--version` names: `scripts/release` sets the variable.
let commit = Context.environment["RESTIC_GITFS_COMMIT"] ?? ""

// Every function is bound at the start. Bound at its first call, a function leaves the vector registers on the stack, and
// with them a piece of the password that was just copied (glibc, _dl_runtime_resolve).
let programLinking: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]

let package = Package(
  name: "ResticGitFS",
  products: [
    .executable(name: "restic-gitfs", targets: ["ResticGitFS"]),
    .executable(name: "git-remote-restic", targets: ["GitRemoteRestic"]),
    .executable(name: "benchmark-parts", targets: ["BenchmarkParts"]),
  ],
  // Each version is the one that was tested.
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
  ],
  targets: [
    // C libraries: a module map and a header each, no code of ours.
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .systemLibrary(name: "CFuse3", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    // libcurl, which is not linked but loaded when it is needed.
    .target(name: "CCurl", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),

    // The vectors of the chunker's search, which Swift has no words for.
    .target(name: "CRabin", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),

    // ResticCore and FuseBridge never see each other; only ResticGitFS sees both.
    .target(
      name: "ResticCore",
      dependencies: [
        "Platform", "CCurl", "CExpat", "CLinux", "CNghttp2", "COpenSSL", "CRabin", "CSodium", "CZstd", system, logging,
      ],
      swiftSettings: settings),
    .target(
      name: "FuseBridge",
      dependencies: ["Platform", "CFuse3", system, logging],
      swiftSettings: settings),
    .executableTarget(
      name: "ResticGitFS",
      dependencies: [
        "ResticCore", "FuseBridge", "Platform", "ProcessPrivacy", "ProgramVersion", "MessageText", "NamedRepositories",
        "StoredPointers", "CLinux", "CSodium", system, logging, argumentParser,
      ],
      swiftSettings: settings, linkerSettings: programLinking),

    // Threads, locks, processes, mounts and folders, for all targets.
    .target(name: "Platform", dependencies: ["CLinux", system], swiftSettings: settings),

    // What both programs do first of all.
    .target(name: "ProcessPrivacy", dependencies: ["CLinux"], swiftSettings: settings),

    // The configuration files of both programs.
    .target(
      name: "NamedRepositories", dependencies: ["MessageText", "Platform", "ProcessPrivacy"], swiftSettings: settings),

    // What both programs print for --version.
    .target(name: "ProgramVersion", dependencies: ["CSourceCommit"], swiftSettings: settings),
    // The commit, which only a C compiler takes from its command line.
    .target(
      name: "CSourceCommit",
      cSettings: [
        .unsafeFlags(["-Wall", "-Wextra", "-Werror"]), .define("SOURCE_COMMIT", to: "\"\(commit)\""),
      ]),

    // How both programs write what others have named: words for a shell, and text for a terminal.
    .target(name: "MessageText", swiftSettings: settings),

    // What leads git out of a stored repository: asked by both programs before git gets to see one.
    .target(name: "StoredPointers", dependencies: ["Platform", system], swiftSettings: settings),

    // Starts restic-gitfs as another process, and knows nothing of it but its command line.
    .executableTarget(
      name: "GitRemoteRestic",
      dependencies: [
        "Platform", "ProcessPrivacy", "ProgramVersion", "MessageText", "NamedRepositories", "StoredPointers", "CLinux",
        system,
      ],
      swiftSettings: settings, linkerSettings: programLinking),

    .executableTarget(
      name: "BenchmarkParts",
      dependencies: ["ResticCore", system],
      path: "Benchmarks/Parts",
      swiftSettings: settings),

    .target(
      name: "ResticTestSupport",
      dependencies: ["ResticCore", system, logging, subprocess],
      path: "Tests/ResticTestSupport",
      swiftSettings: settings),
    // Functions of C libraries that tests watch, or make fail.
    .target(
      name: "CInterposed", path: "Tests/CInterposed", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .testTarget(
      name: "ResticCoreTests",
      dependencies: ["ResticCore", "Platform", "ResticTestSupport", "CInterposed", system, logging],
      swiftSettings: settings),
    .testTarget(
      name: "FuseBridgeTests",
      dependencies: ["FuseBridge", "Platform", "ResticTestSupport", system, logging],
      swiftSettings: settings),
    .testTarget(
      name: "ResticGitFSTests",
      dependencies: [
        "ResticGitFS", "ResticCore", "FuseBridge", "Platform", "ProgramVersion", "MessageText", "NamedRepositories",
        "CLinux", "ResticTestSupport",
        system, logging,
        argumentParser,
        subprocess,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "GitRemoteResticTests",
      dependencies: [
        "GitRemoteRestic", "Platform", "MessageText", "NamedRepositories", "StoredPointers", "ResticTestSupport",
        system,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "InteropTests",
      dependencies: ["ResticCore", "ResticTestSupport", system, logging],
      swiftSettings: settings),
    .testTarget(
      name: "MountedTests",
      dependencies: ["ResticCore", "ResticTestSupport", system],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
