#include "api/result.h"

namespace slipway {

const char* to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::Retry:
      return "retry";
    case ErrorClass::Doubt:
      return "doubt";
    case ErrorClass::Conflict:
      return "conflict";
    case ErrorClass::NotFound:
      return "not_found";
    case ErrorClass::Invalid:
      return "invalid";
    case ErrorClass::Unsupported:
      return "unsupported";
    case ErrorClass::StorageFull:
      return "storage_full";
  }
  return "unknown";
}

}  // namespace slipway
