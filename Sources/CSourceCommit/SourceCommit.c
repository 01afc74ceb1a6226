#include "CSourceCommit.h"

#ifndef SOURCE_COMMIT
#define SOURCE_COMMIT ""
#endif

const char *source_commit(void) { return SOURCE_COMMIT; }
