#pragma once

/// The commit that the programs were built from, as Package.swift was told it; "" if nobody said.
const char *source_commit(void);
