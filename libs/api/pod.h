#pragma once
// core/v1 Pod, as far as controllers look at it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/api/object_meta.h"

namespace reliability::api {

struct ContainerTerminated {
  std::int32_t exit_code = 0;
  std::string reason;
  std::string message;  // the termination message: a sidecar's last ledger
  std::optional<SystemTime> finished_at;
};

struct ContainerState {  // at most one is set; none: waiting, or unknown
  std::optional<SystemTime> running_since;
  std::optional<ContainerTerminated> terminated;
  std::string waiting_reason;
};

struct ContainerStatus {
  std::string name;
  bool ready = false;
  std::int32_t restart_count = 0;
  ContainerState state;
  ContainerState last_state;  // of the run before the last restart
};

struct PodCondition {
  std::string type;
  std::string status;  // "True", "False", "Unknown"
};

struct Pod {
  ObjectMeta metadata;
  std::string node_name;
  bool host_network = false;
  std::vector<std::string> containers;       // names
  std::vector<std::string> init_containers;  // names; native sidecars are among them
  // What our own volumes bring into the sidecar (SecretMount, CaMount of names.h). Only read.
  std::vector<std::string> mounted;
  std::string phase;   // "Pending", "Running", "Succeeded", "Failed"
  std::string pod_ip;  // empty before it has one
  std::vector<PodCondition> conditions;
  std::vector<ContainerStatus> container_statuses;
  std::vector<ContainerStatus> init_container_statuses;

  [[nodiscard]] bool Ready() const;
  // Succeeded or Failed: it will never run again.
  [[nodiscard]] bool Finished() const { return phase == "Succeeded" || phase == "Failed"; }
  [[nodiscard]] bool Terminating() const { return metadata.deletion_timestamp.has_value(); }
  // Among containers and init containers.
  [[nodiscard]] bool HasContainer(std::string_view name) const;
  // Among both kinds of statuses; nullptr if there is none yet.
  [[nodiscard]] const ContainerStatus* FindStatus(std::string_view container) const;
};

template <>
struct Traits<Pod> {
  static constexpr std::string_view kGroup = "";
  static constexpr std::string_view kVersion = "v1";
  static constexpr std::string_view kPlural = "pods";
  static constexpr std::string_view kKind = "Pod";
};

void Fields(FieldVisitor& v, Pod& o);

}  // namespace reliability::api
