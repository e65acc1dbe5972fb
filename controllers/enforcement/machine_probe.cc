// The probe phase: one pod, few turns, evidence, and what comes of it (ruling 26).
#include <algorithm>

#include "controllers/enforcement/machine.h"
#include "controllers/enforcement/texts.h"
#include "libs/base/duration.h"
#include "libs/policy/probe_evidence.h"

namespace reliability::controllers::enforcement {
namespace {

constexpr std::size_t kMaxProbeCounters = 16;

double BudgetOf(const RuleMatch& match) {
  return match.slo->evidence ? match.slo->evidence->settings.objective.budget() : 0.05;
}

std::optional<std::uint64_t> SuccessesOf(const RuleMatch& match) {
  const auto& successes = match.slo->reaction->spec.recovery.half_open.successes;
  return successes ? std::optional(static_cast<std::uint64_t>(*successes)) : std::nullopt;
}

std::uint64_t U64(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

void Machine::BeginHalfOpen(const RuleMatch& match) {
  Enter(Mode::kHalfOpen);
  s_.half_open = api::HalfOpenStatus{};
  s_.half_open->started_at = now_;
  s_.half_open->needed =
      static_cast<std::int64_t>(policy::NeededCleanTurns(0, BudgetOf(match), SuccessesOf(match)));
  if (s_.ledger->last_written_replicas && !HumanScaled() &&
      in_.workload.replicas < ProbeReplicas(match)) {
    SetTarget(ProbeReplicas(match));
    return;
  }
  Probe(match);
}

bool Machine::PickProbePod(const RuleMatch& match) {
  const auto pod = std::find_if(in_.pods.begin(), in_.pods.end(), [](const PodFacts& candidate) {
    return candidate.ready && candidate.covered && !candidate.terminating;
  });
  if (pod == in_.pods.end()) {
    return false;
  }
  s_.half_open->started_at = now_;
  s_.half_open->pod_uids = {pod->uid};
  s_.half_open->pod_names = {pod->name};
  for (const ProbeCounts& counts : pod->counts) {
    // What ended before the probe phase is not its evidence.
    s_.half_open->counters.push_back({pod->uid, counts.epoch,
                                      static_cast<std::int64_t>(counts.good),
                                      static_cast<std::int64_t>(counts.bad)});
  }
  Say(false, api::reasons::kRecoveryProbeStarted, "Probe",
      Count(in_.workload.replicas, "replica") + ", " +
          Count(match.slo->reaction->spec.recovery.half_open.max_probes, "turn") +
          " at a time in pod " + pod->name + "; needs " +
          Count(s_.half_open->needed - s_.half_open->clean, "clean turn") +
          ". The second bad turn ends it");
  return true;
}

void Machine::Probe(const RuleMatch& match) {
  api::HalfOpenStatus& probe = *s_.half_open;
  if (!probe.pod_uids.empty() &&
      std::none_of(in_.pods.begin(), in_.pods.end(), [&](const PodFacts& pod) {
        return pod.uid == probe.pod_uids.front() && !pod.terminating;
      })) {
    probe.pod_uids.clear();  // it is gone; what it proved stays
    probe.pod_names.clear();
    probe.started_at = now_;
  }
  if (probe.pod_uids.empty() && !PickProbePod(match)) {
    const SystemTime give_up = *probe.started_at + kProbePodWait;
    if (HumanScaled()) {
      return;  // replicas are theirs now: wait for a pod
    }
    if (now_ < give_up) {
      WakeAt(give_up);
      return;
    }
    HoldAgain(match, false,
              "no pod with a working sidecar was ready within " + FormatDuration(kProbePodWait));
    return;
  }
  CountProbeTurns();
  const double budget = BudgetOf(match);
  const policy::ProbeVerdict verdict =
      policy::JudgeProbe(U64(probe.clean), U64(probe.bad), budget, SuccessesOf(match));
  const std::string result = std::to_string(probe.clean) + " of " +
                             std::to_string(probe.clean + probe.bad) + " probe turns clean";
  if (verdict == policy::ProbeVerdict::kFailed) {
    HoldAgain(match, true, result);
    return;
  }
  if (verdict == policy::ProbeVerdict::kPassed) {
    BeginRestore(result);
    return;
  }
  probe.needed = static_cast<std::int64_t>(
      policy::NeededCleanTurns(U64(probe.bad), budget, SuccessesOf(match)));
}

void Machine::CountProbeTurns() {
  api::HalfOpenStatus& probe = *s_.half_open;
  for (const PodFacts& pod : in_.pods) {
    if (std::find(probe.pod_uids.begin(), probe.pod_uids.end(), pod.uid) == probe.pod_uids.end()) {
      continue;
    }
    for (const ProbeCounts& counts : pod.counts) {
      auto known = std::find_if(probe.counters.begin(), probe.counters.end(), [&](const auto& c) {
        return c.pod_uid == pod.uid && c.epoch == counts.epoch;
      });
      if (known == probe.counters.end()) {
        if (probe.counters.size() >= kMaxProbeCounters) {
          probe.counters.erase(probe.counters.begin());
        }
        known = probe.counters.insert(probe.counters.end(),
                                      api::ProbeCounter{pod.uid, counts.epoch, 0, 0});
      }
      const auto good = static_cast<std::int64_t>(counts.good);
      const auto bad = static_cast<std::int64_t>(counts.bad);
      probe.clean += std::max<std::int64_t>(0, good - known->good);
      probe.bad += std::max<std::int64_t>(0, bad - known->bad);
      known->good = std::max(known->good, good);
      known->bad = std::max(known->bad, bad);
    }
  }
}

void Machine::HoldAgain(const RuleMatch& match, bool trip, const std::string& why) {
  Enter(Mode::kPaused);
  s_.half_open.reset();
  ledger().target_replicas.reset();
  if (trip) {
    CountTrip(match);
  } else {
    ledger().since = now_;  // no evidence against the agent: the same hold once more
  }
  const std::optional<SystemTime> next = HalfOpenAt(match);
  Say(true, api::reasons::kRecoveryProbeFailed, "Probe",
      why + ": held again, " + TripText() +
          ". Next: " + (next ? "HalfOpen at " + ClockText(*next) : "a human brings it back") +
          ", or at once: " + ReleaseHint());
}

}  // namespace reliability::controllers::enforcement
