import ArgumentParser

extension ObjectFormat: ExpressibleByArgument {}
