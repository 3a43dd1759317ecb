#include "runtime/container_runtime.h"

namespace slipway::runtime {

std::string_view to_string(ContainerState state) {
  switch (state) {
    case ContainerState::Absent:
      return "absent";
    case ContainerState::Created:
      return "created";
    case ContainerState::Running:
      return "running";
    case ContainerState::Paused:
      return "paused";
    case ContainerState::Exited:
      return "exited";
    case ContainerState::Removing:
      return "removing";
    case ContainerState::Dead:
      return "dead";
  }
  return "";
}

}  // namespace slipway::runtime
