#include "runtime/host/errno_class.h"

#include <cerrno>
#include <cstring>

namespace slipway::runtime {

ErrorClass class_of_errno(int code) {
  switch (code) {
    case ENOENT:
    case ENODEV:  // a file of a cgroup that has just gone
    case ESRCH:
      return ErrorClass::NotFound;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:  // a pipe nobody reads, a socket
      return ErrorClass::Invalid;
    case ENOSPC:
    case EDQUOT:
      return ErrorClass::StorageFull;
    case EPERM:
    case EACCES:
    case EROFS:
      return ErrorClass::Unsupported;
    case EBUSY:
    case ENOTEMPTY:
    case EEXIST:
      return ErrorClass::Conflict;
    default:
      return ErrorClass::Retry;
  }
}

Error errno_error(const std::string& what, int code) {
  return Error{class_of_errno(code), what + ": " + std::strerror(code)};
}

}  // namespace slipway::runtime
