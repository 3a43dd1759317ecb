#pragma once

#include <sys/types.h>

namespace slipway::bench {

/// User and system time of a process so far, in milliseconds; of its children too, living and reaped, if
/// `with_children`.
double cpu_ms(pid_t pid, bool with_children);

}  // namespace slipway::bench
