#include "libs/api/pod.h"

#include <algorithm>

#include "libs/api/names.h"

namespace reliability::api {
namespace {

const ContainerStatus* Find(const std::vector<ContainerStatus>& statuses, std::string_view name) {
  const auto it = std::find_if(statuses.begin(), statuses.end(),
                               [name](const ContainerStatus& s) { return s.name == name; });
  return it == statuses.end() ? nullptr : &*it;
}

// Views of parts of a Pod that JSON nests and the struct does not.
struct Named {
  std::string name;
};
struct Running {
  std::optional<SystemTime> started_at;
};
struct Waiting {
  std::string reason;
};
struct VolumeItem {
  std::string key;
};
struct SecretVolume {
  std::string secret_name;
  std::vector<VolumeItem> items;
};
struct ConfigMapVolume {
  std::string name;
};
struct Volume {
  std::string name;
  SecretVolume secret;
  ConfigMapVolume config_map;
};
struct Spec {
  Pod& pod;
};
struct PodStatus {
  Pod& pod;
};

void Fields(FieldVisitor& v, Named& o) { v.Field("name", o.name, Presence::kRequired); }
void Fields(FieldVisitor& v, VolumeItem& o) { v.Field("key", o.key); }
void Fields(FieldVisitor& v, SecretVolume& o) {
  v.Field("secretName", o.secret_name);
  v.Field("items", o.items);
}
void Fields(FieldVisitor& v, ConfigMapVolume& o) { v.Field("name", o.name); }
void Fields(FieldVisitor& v, Volume& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("secret", o.secret);
  v.Field("configMap", o.config_map);
}
void Fields(FieldVisitor& v, Running& o) { v.Field("startedAt", o.started_at); }
void Fields(FieldVisitor& v, Waiting& o) { v.Field("reason", o.reason); }

void VisitNames(FieldVisitor& v, std::string_view field, std::vector<std::string>& names) {
  std::vector<Named> named;
  named.reserve(names.size());
  for (std::string& name : names) {
    named.push_back(Named{std::move(name)});
  }
  v.Field(field, named);
  names.clear();
  for (Named& name : named) {
    names.push_back(std::move(name.name));
  }
}

// Most volumes are the agent's and are not kept.
void VisitMounted(FieldVisitor& v, std::vector<std::string>& mounted) {
  std::vector<Volume> volumes;
  v.Field("volumes", volumes);
  for (const Volume& volume : volumes) {
    if (volume.name.starts_with(kCaVolumePrefix)) {
      mounted.push_back(CaMount(volume.config_map.name));
    } else if (volume.name.starts_with(kSecretVolumePrefix)) {
      for (const VolumeItem& item : volume.secret.items) {
        mounted.push_back(SecretMount(volume.secret.secret_name, item.key));
      }
    }
  }
}

void Fields(FieldVisitor& v, Spec& o) {
  v.Field("nodeName", o.pod.node_name);
  v.Field("hostNetwork", o.pod.host_network);
  VisitNames(v, "containers", o.pod.containers);
  VisitNames(v, "initContainers", o.pod.init_containers);
  VisitMounted(v, o.pod.mounted);
}

}  // namespace

void Fields(FieldVisitor& v, ContainerTerminated& o) {
  v.Field("exitCode", o.exit_code);
  v.Field("reason", o.reason);
  v.Field("message", o.message);
  v.Field("finishedAt", o.finished_at);
}

void Fields(FieldVisitor& v, ContainerState& o) {
  Running running{o.running_since};
  v.Field("running", running);
  o.running_since = running.started_at;
  v.Field("terminated", o.terminated);
  Waiting waiting{std::move(o.waiting_reason)};
  v.Field("waiting", waiting);
  o.waiting_reason = std::move(waiting.reason);
}

void Fields(FieldVisitor& v, ContainerStatus& o) {
  v.Field("name", o.name, Presence::kRequired);
  v.Field("ready", o.ready);
  v.Field("restartCount", o.restart_count);
  v.Field("state", o.state);
  v.Field("lastState", o.last_state);
}

void Fields(FieldVisitor& v, PodCondition& o) {
  v.Field("type", o.type, Presence::kRequired);
  v.Field("status", o.status, Presence::kRequired);
}

namespace {

void Fields(FieldVisitor& v, PodStatus& o) {
  v.Field("phase", o.pod.phase);
  v.Field("podIP", o.pod.pod_ip);
  v.Field("conditions", o.pod.conditions);
  v.Field("containerStatuses", o.pod.container_statuses);
  v.Field("initContainerStatuses", o.pod.init_container_statuses);
}

}  // namespace

bool Pod::Ready() const {
  return std::any_of(conditions.begin(), conditions.end(), [](const PodCondition& condition) {
    return condition.type == "Ready" && condition.status == "True";
  });
}

bool Pod::HasContainer(std::string_view name) const {
  return std::find(containers.begin(), containers.end(), name) != containers.end() ||
         std::find(init_containers.begin(), init_containers.end(), name) != init_containers.end();
}

const ContainerStatus* Pod::FindStatus(std::string_view container) const {
  const ContainerStatus* status = Find(container_statuses, container);
  return status != nullptr ? status : Find(init_container_statuses, container);
}

void Fields(FieldVisitor& v, Pod& o) {
  v.Field("metadata", o.metadata, Presence::kRequired);
  Spec spec{o};
  v.Field("spec", spec);
  PodStatus status{o};
  v.Field("status", status);
}

}  // namespace reliability::api
