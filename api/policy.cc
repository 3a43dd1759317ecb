#include "api/policy.h"

#include <algorithm>

namespace slipway {
namespace {

/// "127.0.0.1:5000/team" allows "127.0.0.1:5000/team/x:1" and not "127.0.0.1:5000/teammate/x".
bool lies_in(const std::string& image, std::string registry) {
  if (!registry.ends_with('/')) registry += '/';
  return image.starts_with(registry);
}

template <class T>
bool exceeds(const std::optional<T>& greatest, const T& asked) {
  return greatest && asked > *greatest;
}

}  // namespace

std::optional<PolicyObjection> objection_of(const Policy& policy, const AgentSpec& spec) {
  const auto allowed = [&](const std::string& registry) { return lies_in(spec.image, registry); };
  if (!policy.registries.empty() && std::ranges::none_of(policy.registries, allowed))
    return PolicyObjection{Reason::ImageNotAllowed,
                           "The agent's image comes from a registry that is not allowed here."};
  if (policy.digest_required && spec.image.find("@sha256:") == std::string::npos)
    return PolicyObjection{Reason::ImageNotAllowed, "The agent's image must be named by its digest here."};
  if (exceeds(policy.greatest_memory, spec.limits.memory))
    return PolicyObjection{Reason::NotEnforceable, "The agent asks for more memory than is allowed here."};
  if (exceeds(policy.greatest_cpu_millicores, spec.limits.cpu_millicores))
    return PolicyObjection{Reason::NotEnforceable, "The agent asks for more CPU than is allowed here."};
  if (exceeds(policy.greatest_timeout, spec.max_timeout))
    return PolicyObjection{Reason::NotEnforceable,
                           "The agent asks for a longer timeout than is allowed here."};
  return std::nullopt;
}

}  // namespace slipway
