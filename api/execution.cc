#include "api/execution.h"

namespace slipway {

std::string container_name(const AttemptRef& ref) {
  std::string name = "slipway-" + ref.execution + "-" + std::to_string(ref.attempt);
  if (ref.generation > 0) name += "-" + std::to_string(ref.generation);
  return name;
}

std::string_view to_string(LogChunk::Stream stream) {
  switch (stream) {
    case LogChunk::Stream::Stdout:
      return "stdout";
    case LogChunk::Stream::Stderr:
      return "stderr";
    case LogChunk::Stream::System:
      return "system";
  }
  return "";
}

}  // namespace slipway
