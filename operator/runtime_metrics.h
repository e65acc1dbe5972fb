#pragma once
// Queues, reconciles and events of the operator as metrics.
#include <vector>

#include "libs/kube/runtime/controller.h"
#include "libs/kube/runtime/event_recorder.h"
#include "libs/metrics/registry.h"

namespace reliability::op {

// The controllers and the recorder must outlive the registry's last exposition.
void ExportRuntime(metrics::Registry& registry,
                   const std::vector<const kube::Controller*>& controllers,
                   const kube::EventRecorder& events);

}  // namespace reliability::op
