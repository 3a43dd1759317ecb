#include "api/execution.h"

namespace slipway {

bool is_execution_id(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string container_name(const AttemptRef& ref) {
  return "slipway-" + ref.execution + "-" + std::to_string(ref.attempt);
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
