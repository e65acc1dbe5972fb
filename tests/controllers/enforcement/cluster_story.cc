#include "tests/controllers/enforcement/cluster_story.h"

#include <algorithm>
#include <set>

namespace reliability::controllers::enforcement {

ClusterStory::ClusterStory(std::unique_ptr<Backend> made, const std::string& held_for,
                           const std::string& scale_after, const std::string& open_for)
    : backend(std::move(made)),
      clock(backend->start()),
      transport(backend->transport()),
      client(backend->MakeClient(transport, clock)) {
  namespace res = kube::resources;
  const std::string ns = backend->ns();
  const json target{{"group", "apps"}, {"kind", "Deployment"}, {"name", "refunds-agent"}};
  Put(res::kDeployments,
      {{"metadata", {{"name", "refunds-agent"}, {"namespace", ns}, {"generation", 1}}},
       {"spec",
        {{"replicas", 3},
         {"selector", {{"matchLabels", {{"app", "r"}}}}},
         {"template",
          {{"metadata", {{"labels", {{"app", "r"}}}}},
           {"spec",
            {{"initContainers", json::array({json{{"name", std::string(api::kSidecarContainer)},
                                                  {"image", "none.invalid/none"},
                                                  {"restartPolicy", "Always"}}})},
             {"containers",
              json::array({json{{"name", "agent"}, {"image", "none.invalid/none"}}})}}}}}}}});
  Put(res::kAgentReliabilityPolicies,
      {{"metadata", {{"name", "refunds"}, {"namespace", ns}}},
       {"spec",
        {{"enforcement", "Enforce"},
         {"upstreams",
          {{"llms", json::array({json{
                        {"name", "openai"}, {"format", "OpenAI"}, {"url", "http://llm/v1"}}})}}},
         {"targetRefs", json::array({target})}}}});
  Put(res::kAgentSlos, {{"metadata", {{"name", "refunds-completed"}, {"namespace", ns}}},
                        {"spec",
                         {{"targetRef", target},
                          {"objective", "95"},
                          {"sli", {{"type", "TaskSuccess"}}},
                          {"errorBudgetPolicyRef", {{"name", "careful"}}}}}});
  Put(res::kErrorBudgetPolicies,
      {{"metadata", {{"name", "careful"}, {"namespace", ns}}},
       {"spec",
        {{"rules",
          {{{"name", "tell"},
            {"when", {{"budgetAtMost", "0.25"}}},
            {"action", {{"type", "Notify"}}}},
           {{"name", "stop"},
            {"when", {{"budgetAtMost", "0"}, {"tier", "PageFast"}, {"for", held_for}}},
            {"action", {{"type", "Pause"}, {"thenScaleDownAfter", scale_after}}}}}},
         {"recovery", {{"halfOpen", {{"openFor", open_for}}}}},
         {"guards", {{"minReplicas", 0}}}}}});
  StartOperator();
}

void ClusterStory::StartOperator() {
  ++restarts;
  process = std::make_unique<OperatorProcess>();
  Options options;
  options.seed = 7;
  process->controller = std::make_unique<EnforcementController>(
      process->caches, process->reports, process->board, [](std::string_view) {}, *client, events,
      process->registry, clock, options);
  process->controller->SetLeaderEpoch(restarts);
  process->policies.MarkSynced();
  process->slos.MarkSynced();
  process->reactions.MarkSynced();
  process->enforcements.MarkSynced();
  process->overrides.MarkSynced();
  process->deployments.MarkSynced();
  process->stateful_sets.MarkSynced();
  process->autoscalers.MarkSynced();
  process->pods.MarkSynced();
}

nlohmann::json ClusterStory::Enforcement() const {
  json object = backend->Get(kube::resources::kAgentEnforcements, "deployment-refunds-agent");
  return object.is_null() ? json{{"status", json::object()}} : object;
}

int ClusterStory::Replicas() const {
  return backend->Get(kube::resources::kDeployments, "refunds-agent")["spec"].value("replicas", -1);
}

std::string ClusterStory::ModeJson() const {
  const json map =
      backend->Get(kube::resources::kConfigMaps, "agent-reliability-deployment-refunds-agent");
  return map.is_null() || !map.contains("data") ? "" : map["data"].value("mode.json", "");
}

std::string ClusterStory::SidecarMode() const {
  const std::string text = ModeJson();
  return text.empty() ? "" : json::parse(text).value("mode", "");
}

// The kubelets and the sidecars: they take over the order, and the probing one serves turns.
void ClusterStory::MovePods() {
  const int replicas = Replicas();
  if (replicas_seen.empty() || replicas_seen.back() != replicas) {
    replicas_seen.push_back(replicas);
  }
  backend->RunPods(static_cast<std::size_t>(replicas));
  std::map<std::string, Sidecar> running;
  for (const json& pod : backend->List(kube::resources::kPods)) {
    const std::string uid = pod["metadata"]["uid"];
    running[uid] = sidecars_[uid];
  }
  sidecars_ = std::move(running);
  const std::string text = ModeJson();
  if (text.empty()) {
    return;
  }
  const auto mode = sidecar_config::DecodeMode(text);
  if (!mode) {
    return;  // somebody broke it: the last good order stays
  }
  const std::pair order{mode->document.leader_epoch, mode->document.generation};
  for (auto& [uid, sidecar] : sidecars_) {
    EXPECT_TRUE(strays || order >= sidecar.order) << "an order went back";
    sidecar.order = std::max(sidecar.order, order);
    if (!mode->document.half_open) {
      continue;
    }
    const auto& uids = mode->document.half_open->pod_uids;
    if (std::find(uids.begin(), uids.end(), uid) != uids.end()) {
      (pods_work ? sidecar.good : sidecar.bad) += 6;
    }
  }
}

void ClusterStory::Report() {
  const json slo = backend->Get(kube::resources::kAgentSlos, "refunds-completed");
  if (slo.is_null()) {
    return;
  }
  const auto typed = api::Decode<api::AgentSlo>(slo.dump());
  for (const auto& pod : process->pods.List()) {
    const auto found = sidecars_.find(pod->metadata.uid);
    if (found == sidecars_.end()) {
      continue;
    }
    const Sidecar& sidecar = found->second;
    sidecar_config::LedgerDocument ledger;
    ledger.pod_uid = pod->metadata.uid;
    ledger.mode_leader_epoch = sidecar.order.first;
    ledger.mode_generation = sidecar.order.second;
    ledger.current = {"1800000000000-a", {{api::SloKey(*typed), {sidecar.good, sidecar.bad}}}};
    process->reports.Register(*pod);
    process->reports.RecordLedger(ledger.pod_uid, ledger, clock.SystemNow());
  }
  const std::string name = backend->ns() + "/refunds-completed";
  if (process->board.TakeCloseRequest(name)) {
    evidence.level = policy::EvidenceLevel::kNone;
  }
  auto made = std::make_shared<SloEvidence>(*evidence.Make());
  made->slo = name;
  made->uid = typed->metadata.uid;
  made->key = api::SloKey(*typed);
  made->workload = key();
  process->board.Publish(made);
}

void ClusterStory::Sync() {
  namespace res = kube::resources;
  const auto fill = [&]<class T>(kube::Store<T>& store, const kube::Resource& resource) {
    std::set<std::string> present;
    for (const json& object : backend->List(resource)) {
      const auto typed = api::Decode<T>(object.dump());
      ASSERT_TRUE(typed.has_value()) << ToString(typed.error());
      const std::string key = object["metadata"]["namespace"].get<std::string>() + "/" +
                              object["metadata"]["name"].get<std::string>();
      present.insert(key);
      store.Set(key, std::make_shared<const T>(*typed));
    }
    for (const auto& [key, object] : store.Entries()) {
      if (!present.contains(key)) {
        store.Erase(key);
      }
    }
  };
  fill(process->policies, res::kAgentReliabilityPolicies);
  fill(process->slos, res::kAgentSlos);
  fill(process->reactions, res::kErrorBudgetPolicies);
  fill(process->enforcements, res::kAgentEnforcements);
  fill(process->overrides, res::kReliabilityOverrides);
  fill(process->deployments, res::kDeployments);
  fill(process->autoscalers, res::kHpas);
  fill(process->pods, res::kPods);
}

void ClusterStory::Tick() {
  MovePods();
  Sync();
  Report();
  (void)Reconcile();
  if (transport.dead()) {
    transport.Revive();
    StartOperator();
    MovePods();
    Sync();
    Report();
    (void)Reconcile();
  }
}

void ClusterStory::Ticks(Milliseconds duration, Milliseconds step) {
  const SystemTime end = clock.SystemNow() + duration;
  while (clock.SystemNow() < end) {
    clock.Advance(step);
    Tick();
  }
}

bool ClusterStory::Until(std::string_view mode, Milliseconds limit) {
  const SystemTime end = clock.SystemNow() + limit;
  while (clock.SystemNow() < end) {
    if (Mode() == mode) {
      return true;
    }
    clock.Advance(seconds{5});
    Tick();
  }
  return Mode() == mode;
}

void ClusterStory::PlayTour(Milliseconds rest) {
  Tick();
  evidence = EvidenceMaker{};
  ASSERT_TRUE(Until("Paused", minutes{5}));
  ASSERT_TRUE(Until("ScaledDown", minutes{10}));
  ASSERT_TRUE(Until("HalfOpen", minutes{15}));
  ASSERT_TRUE(Until("Normal", minutes{15}));
  Ticks(rest);
}

void ClusterStory::ExpectRestored() const {
  EXPECT_EQ(Mode(), "Normal");
  EXPECT_EQ(Replicas(), 3);
  EXPECT_EQ(SidecarMode(), "Normal");
  const json object = Enforcement();
  const json& status = object["status"];
  EXPECT_TRUE(object["metadata"].value("finalizers", json::array()).empty());
  const json ledger = status.value("ledger", json::object());
  EXPECT_FALSE(ledger.contains("since")) << status.dump();
  EXPECT_FALSE(ledger.contains("originalReplicas"));
  EXPECT_FALSE(status.contains("cause"));
}

void DieAtEveryWrite(const std::function<std::unique_ptr<ClusterStory>()>& make) {
  const auto reference = make();
  reference->PlayTour(seconds{30});
  reference->ExpectRestored();
  if (::testing::Test::HasFailure()) {
    return;
  }
  const int writes = reference->transport.writes();
  ASSERT_GT(writes, 10);
  for (const bool after : {false, true}) {
    for (int at = 1; at <= writes; ++at) {
      SCOPED_TRACE(std::string("killed ") + (after ? "after" : "before") + " write " +
                   std::to_string(at) + " of " + std::to_string(writes));
      const auto story = make();
      story->transport.KillAtWrite(at, after);
      story->PlayTour(seconds{30});
      EXPECT_EQ(story->restarts, 2);
      story->ExpectRestored();
      EXPECT_EQ(story->replicas_seen, (std::vector<int>{3, 0, 1, 3}));
      EXPECT_EQ(story->Enforcement()["status"]["ledger"].value("trips", 0), 1);
      EXPECT_EQ(story->events.Count("HumanOverride", "Deployment"), 0);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

}  // namespace reliability::controllers::enforcement
