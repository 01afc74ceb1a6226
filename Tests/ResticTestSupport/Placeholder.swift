import ResticCore
