import ArgumentParser

extension BareRepositoryTemplate.ObjectFormat: ExpressibleByArgument {}
