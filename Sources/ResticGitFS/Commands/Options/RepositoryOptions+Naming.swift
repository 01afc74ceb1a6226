import NamedRepositories

extension RepositoryOptions {
  /// The entry of a configuration file for the repository that `-r` or RESTIC_REPOSITORY names; nil if the value is a
  /// location. A name in a file takes precedence over a folder of that name: `./NAME` is always the folder.
  func entry(_ environment: Environment) throws(CommandError) -> NamedRepository? {
    guard let text = repository ?? environment[.repository] else { return nil }
    return try environment.namedRepository(text)
  }

  /// These options, completed by those of `entry` that the command line does not have. Variables come last.
  func completed(by entry: NamedRepository?) throws(CommandError) -> RepositoryOptions {
    guard let entry else { return self }
    var options = self
    options.repository = entry.location
    let namesPassword = entry[.passwordFile] != nil || entry[.passwordCommand] != nil
    if passwordFile == nil, passwordCommand == nil, namesPassword {
      // The one that the file does not name is empty, so that no variable stands in for it.
      options.passwordFile = entry[.passwordFile] ?? ""
      options.passwordCommand = entry[.passwordCommand] ?? ""
    }
    options.keyHint = keyHint ?? entry[.keyHint]
    if retryLockOption == nil { options.retryLockOption = try entry.duration(.retryLock) }
    // The storage uses the last of two values.
    options.options = entry.texts(.options) + self.options
    options.cache = cache.completed(by: entry)
    options.network = try network.completed(by: entry)
    return options
  }
}

extension CacheOptions {
  fileprivate func completed(by entry: NamedRepository) -> CacheOptions {
    var options = self
    if cacheDir == nil, !noCache {
      options.cacheDir = entry[.cacheDirectory]
      options.noCache = entry.isOn(.noCache)
    }
    return options
  }
}

extension NetworkOptions {
  fileprivate func completed(by entry: NamedRepository) throws(CommandError) -> NetworkOptions {
    var options = self
    if cacert.isEmpty { options.cacert = entry.texts(.cacert) }
    options.tlsClientCert = tlsClientCert ?? entry[.tlsClientCert]
    options.insecureTls = insecureTls || entry.isOn(.insecureTLS)
    options.httpUserAgent = httpUserAgent ?? entry[.httpUserAgent]
    if stuckRequestTimeoutOption == nil {
      options.stuckRequestTimeoutOption = try entry.duration(.stuckRequestTimeout)
    }
    options.limitUploadOption = limitUploadOption ?? entry.number(.limitUpload)
    options.limitDownloadOption = limitDownloadOption ?? entry.number(.limitDownload)
    do {
      try options.validate()
    } catch {
      throw CommandError("\(entry.file), repository '\(entry.name)': \(error)")
    }
    return options
  }
}

extension FilterOptions {
  /// These options, or the filter of `entry` if the command line has none.
  func completed(by entry: NamedRepository?) -> FilterOptions {
    guard let entry, hosts.isEmpty, tags.isEmpty, paths.isEmpty else { return self }
    var options = self
    options.hosts = entry.texts(.host)
    options.tags = entry.texts(.tag)
    options.paths = entry.texts(.path)
    return options
  }
}

extension StorageOptions {
  /// These options, completed by those of `entry` that the command line does not have.
  func completed(by entry: NamedRepository?) -> StorageOptions {
    guard let entry else { return self }
    var options = self
    options.compression = compression ?? entry[.compression]
    options.packSize = packSize ?? entry[.packSize]
    return options
  }
}
