#pragma once
// A small world around the pure decision: it carries out what a decision says, as the cluster
// would, so that tests read as stories.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "controllers/enforcement/decide.h"

namespace reliability::controllers::enforcement {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr SystemTime kStart{Milliseconds{1'800'000'000'000}};  // 2027-01-15T08:00:00Z

// An SLO as its controller would have found it.
struct EvidenceMaker {
  std::uint64_t events = 1000;
  std::uint64_t bad = 60;
  std::optional<policy::Tier> firing = policy::Tier::kPageFast;
  policy::EvidenceLevel level = policy::EvidenceLevel::kAct;
  double burn = 14.8;
  bool healthy = true;
  bool warming_up = false;
  bool evaluable = true;

  [[nodiscard]] EvidenceBoard::Ptr Make() const {
    auto evidence = std::make_shared<SloEvidence>();
    evidence->slo = "support/refunds-completed";
    evidence->telemetry_healthy = healthy;
    evidence->settings.objective = policy::Objective::FromPpm(950'000);
    policy::SloAssessment& got = evidence->assessment;
    got.budget = policy::ErrorBudget(evidence->settings.objective, {events, bad});
    got.warming_up = warming_up;
    got.evaluable = evaluable;
    got.burn_rate = burn;
    got.evidence.level = level;
    got.evidence.e = level == policy::EvidenceLevel::kAct ? 17 : 1;
    got.evidence.levels = {9, 14, 16};
    got.evidence.incident = policy::Incident{kStart - minutes{5}, {58, 43}};
    got.incident_open = level != policy::EvidenceLevel::kNone;
    if (level == policy::EvidenceLevel::kAct) {
      got.firing_act = got.firing_alert = firing;
    } else if (level == policy::EvidenceLevel::kAlert) {
      got.firing_alert = firing;
    }
    for (const policy::BurnTier& tier : policy::BurnTiers(policy::SloWindow::k30d)) {
      policy::TierReading reading{.tier = tier,
                                  .threshold = policy::ThresholdOf(tier, 0.05),
                                  .long_counts = {},
                                  .short_counts = {}};
      reading.burn_rate = burn;
      got.tiers.push_back(reading);
    }
    return evidence;
  }
  static EvidenceMaker Calm() {
    return {.events = 1000,
            .bad = 10,
            .firing = std::nullopt,
            .level = policy::EvidenceLevel::kNone,
            .burn = 0.2};
  }
};

// The policies of the tour: tell at 25 %, stop at 0 with PageFast for 1 m, scale down 5 m later.
inline api::ErrorBudgetPolicy TourPolicy() {
  api::ErrorBudgetPolicy policy;
  policy.metadata.name = "careful";
  api::BudgetRule tell;
  tell.name = "tell";
  tell.when.budget_at_most = api::Ratio::FromDouble(0.25);
  api::BudgetRule stop;
  stop.name = "stop";
  stop.when.budget_at_most = api::Ratio::FromDouble(0);
  stop.when.tier = api::Tier::kPageFast;
  stop.when.held_for = minutes{1};
  stop.action.type = api::ActionType::kPause;
  stop.action.then_scale_down_after = minutes{5};
  policy.spec.rules = {tell, stop};
  policy.spec.guards.min_replicas = 0;
  return policy;
}

class World {
 public:
  World() {
    in.now = kStart;
    in.leader_epoch = 1;
    in.policy = PolicyFacts{"refunds", true};
    in.workload = {.exists = true,
                   .ns = "support",
                   .kind = "Deployment",
                   .name = "refunds-agent",
                   .uid = "w",
                   .replicas = 3,
                   .replicas_manager = "kubectl",
                   .autoscaler = {},
                   .owned_by = ""};
    SetReaction(TourPolicy());
    SetEvidence(EvidenceMaker::Calm());
    AddPods(3);
  }

  void SetReaction(api::ErrorBudgetPolicy policy) {
    if (in.slos.empty()) {
      in.slos.push_back({"refunds-completed", "slo-uid", nullptr, nullptr});
    }
    in.slos[0].reaction = std::make_shared<const api::ErrorBudgetPolicy>(std::move(policy));
  }
  void SetEvidence(const EvidenceMaker& evidence) { in.slos[0].evidence = evidence.Make(); }
  void AddPods(int count) {
    in.pods.clear();
    for (int i = 0; i < count; ++i) {
      const std::string name = "pod-" + std::to_string(++pods_made);
      in.pods.push_back({.uid = "uid-" + name,
                         .name = name,
                         .ready = true,
                         .terminating = false,
                         .covered = true,
                         .leader_epoch = 0,
                         .generation = 0,
                         .counts = {{"e1", 0, 0}}});
    }
    Ack();
  }
  void Ack() {
    if (!acks) {
      return;
    }
    for (PodFacts& pod : in.pods) {
      if (in.published) {
        pod.leader_epoch = in.published->order.first;
        pod.generation = in.published->order.second;
      }
    }
  }
  // One decision, carried out completely.
  Decision Step() {
    Decision decision = Decide(in);
    in.status = decision.status;
    for (const EventDraft& event : decision.events) {
      events.push_back(event);
    }
    if (decision.publish) {
      in.published =
          PublishedMode{.order = {decision.publish->leader_epoch, decision.publish->generation},
                        .normal = decision.publish->mode == sidecar_config::Mode::kNormal,
                        .intact = true};
      mode_document = *decision.publish;
      in.since_publish = Milliseconds{720};
      Ack();
    }
    if (decision.scale_to) {
      writes.push_back(*decision.scale_to);
      in.workload.replicas = *decision.scale_to;
      in.workload.replicas_manager = "agent-reliability-operator";
      if (static_cast<int>(in.pods.size()) != *decision.scale_to && follow_scale) {
        AddPods(*decision.scale_to);
      }
    }
    if (!decision.close_incidents.empty()) {
      EvidenceMaker closed = EvidenceMaker{};
      closed.level = policy::EvidenceLevel::kNone;
      SetEvidence(closed);  // the budget stays spent
    }
    finalizer = decision.finalizer;
    remove_object = decision.remove_object;
    wake_at = decision.wake_at;
    return decision;
  }
  // Steps until nothing changes any more.
  void Settle() {
    for (int i = 0; i < 20; ++i) {
      const api::AgentEnforcementStatus before = in.status;
      const Decision decision = Step();
      if (in.status == before && !decision.publish && !decision.scale_to &&
          decision.close_incidents.empty()) {
        return;
      }
    }
    FAIL() << "does not come to rest";
  }
  void After(Milliseconds duration) {
    in.now += duration;
    Settle();
  }
  void Burn() {  // until the tour's rule has paused the agent
    SetEvidence(EvidenceMaker{});
    Settle();
    After(minutes{1});
  }
  // Good and bad probe turns in the pod that probes.
  void ProbeTurns(std::uint64_t good, std::uint64_t bad) {
    for (PodFacts& pod : in.pods) {
      if (in.status.half_open && !in.status.half_open->pod_uids.empty() &&
          pod.uid == in.status.half_open->pod_uids[0]) {
        pod.counts[0].good += good;
        pod.counts[0].bad += bad;
      }
    }
    After(seconds{5});
  }

  [[nodiscard]] api::EnforcementMode Mode() const { return *in.status.mode; }
  [[nodiscard]] std::string Note(std::string_view reason) const {
    for (auto it = events.rbegin(); it != events.rend(); ++it) {
      if (it->reason == reason) {
        return it->note;
      }
    }
    return {};
  }
  [[nodiscard]] int CountEvents(std::string_view reason) const {
    return static_cast<int>(std::count_if(events.begin(), events.end(),
                                          [&](const EventDraft& e) { return e.reason == reason; }));
  }
  [[nodiscard]] std::string Reason(std::string_view condition) const {
    const api::Condition* found = api::FindCondition(in.status.conditions, condition);
    return found == nullptr ? "" : found->reason;
  }

  Input in;
  std::vector<EventDraft> events;
  std::vector<std::int32_t> writes;  // to /scale
  sidecar_config::ModeDocument mode_document;
  bool acks = true;
  bool follow_scale = true;
  bool finalizer = false;
  bool remove_object = false;
  std::optional<SystemTime> wake_at;
  int pods_made = 0;
};

}  // namespace reliability::controllers::enforcement
