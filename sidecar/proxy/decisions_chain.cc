// Which place of a fallback chain a call goes to, and what became of each. Part of Decisions.
#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::ErrorClass;

// Nothing that another tier could have helped with: an overloaded provider is no place to go.
bool Answered(ErrorClass error_class) {
  return error_class != ErrorClass::kLocalOutage &&
         policy::TraitsOf(error_class).next_target != policy::NextTarget::kYes;
}

}  // namespace

void Decisions::ConfigureChain(const config::Snapshot& snapshot) {
  if (snapshot.chain == nullptr) {
    chain_counts_.reset();
    served_.clear();
    tiers_.Configure({}, Milliseconds{0});
    return;
  }
  const ChainPlan& chain = *snapshot.chain;
  std::string names = chain.name;
  sidecar_config::ChainCounts counts;
  counts.name = chain.name;
  for (const Tier& tier : chain.tiers) {
    names += '\n' + tier.name;
    sidecar_config::TierCounts one;
    one.name = tier.name;
    // Counters are monotone as long as the tier keeps its name.
    if (chain_counts_.has_value()) {
      const auto& old = chain_counts_->tiers;
      const auto found = std::find_if(old.begin(), old.end(),
                                      [&](const auto& known) { return known.name == tier.name; });
      if (found != old.end()) {
        one = *found;
      }
    }
    one.skipped = tier.skipped;
    counts.tiers.push_back(std::move(one));
  }
  counts.terminal_served = chain_counts_.has_value() ? chain_counts_->terminal_served : 0;
  chain_counts_ = std::move(counts);
  served_.clear();
  for (const Tier& tier : chain.tiers) {
    served_.push_back(metrics_.ServedBy(tier.name));
  }
  served_terminal_ = metrics_.ServedBy("terminal");
  tiers_.Configure(names, chain.document.sticky);
}

void Decisions::NoteLaterOffers(Admission& admission, const std::vector<TierOffer>& offers,
                                const Now& now) const {
  admission.later_offer = false;
  admission.later_certain = false;
  for (std::size_t i = 0; i < offers.size() && !admission.later_certain; ++i) {
    if (!admission.tried.test(i) && offers[i].skipped.empty() &&
        !LacksState(admission, offers[i]) && !breakers_.Refuses(offers[i].target, now.mono)) {
      admission.later_offer = true;
      admission.later_certain = !offers[i].translated;
    }
  }
}

void Decisions::ForgetLaterOffers(const config::Snapshot& snapshot, Admission& admission,
                                  const std::vector<TierOffer>& offers) {
  const Now now = Time();
  const MutexLock lock(mutex_);
  NoteLaterOffers(admission, offers, now);
  if (admission.later_offer) {
    return;
  }
  ResolveLimit(admission, now);
  if (admission.refusal.has_value() && admission.refusal->error_class == ErrorClass::kRateLimited) {
    admission.refusal.reset();
    PassBreaker(snapshot, admission, now);
  }
}

void Decisions::EnterOffer(Admission& admission, const std::vector<TierOffer>& offers,
                           std::size_t offer) {
  admission.offer = offer;
  admission.tried.set(offer);
  admission.target.kind = offers[offer].target.kind;
  admission.target.upstream = offers[offer].target.upstream;
  admission.target.name = offers[offer].target.name;
  admission.component = offers[offer].component;
  admission.tier = offers[offer].tier;
  admission.earlier_retries += admission.retries;
  admission.retries = 0;
  admission.probe = false;
}

std::optional<std::size_t> Decisions::PinnedOffer(const Admission& admission,
                                                  const std::vector<TierOffer>& offers) const {
  const policy::DegradeRule* degrade = gate_.degraded();
  if (degrade == nullptr || degrade->fallback_tier.empty() || !chain_counts_.has_value() ||
      tiers_.Holds(admission.turn)) {  // who asked for tools also reads their results
    return std::nullopt;
  }
  const auto& known = chain_counts_->tiers;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    if (!offers[i].tier.has_value() || *offers[i].tier >= known.size() ||
        known[*offers[i].tier].name != degrade->fallback_tier) {
      continue;
    }
    // That one, or the next that takes calls.
    for (; i < offers.size(); ++i) {
      if (offers[i].skipped.empty()) {
        return i;
      }
    }
  }
  return std::nullopt;
}

void Decisions::ChooseOffer(Admission& admission, const std::vector<TierOffer>& offers,
                            bool enforce, const Now& now) {
  if (offers.empty()) {
    return;
  }
  std::size_t start = 0;
  // Observe stays where the agent asks, also in a turn that began before it.
  const auto tier = enforce ? tiers_.Start(admission.turn, now.mono) : std::nullopt;
  if (tier.has_value()) {
    const auto found = std::find_if(offers.begin(), offers.end(), [&](const TierOffer& offer) {
      return offer.tier == tier && offer.skipped.empty();
    });
    start = found == offers.end() ? 0 : static_cast<std::size_t>(found - offers.begin());
  }
  // In a tool loop that is the tier whose answers the agent has, if it has them as they came.
  admission.home = start > 0 && tiers_.Holds(admission.turn) && !offers[start].translated
                       ? offers[start].account
                       : offers.front().account;
  if (LacksState(admission, offers[start])) {
    start = 0;
  }
  const auto pinned = enforce ? PinnedOffer(admission, offers) : std::nullopt;
  if (pinned.has_value() && *pinned > 0) {
    // What is before it is not asked, even if all behind it fail.
    for (std::size_t i = 0; i < *pinned; ++i) {
      admission.tried.set(i);
    }
    start = std::max(start, *pinned);
    admission.pinned = true;
  }
  EnterOffer(admission, offers, start);
  NoteLaterOffers(admission, offers, now);
}

bool Decisions::NextOffer(const config::Snapshot& snapshot, Admission& admission,
                          const std::vector<TierOffer>& offers, ErrorClass error_class) {
  const bool larger = error_class == ErrorClass::kContextLength;
  const bool cheaper = error_class == ErrorClass::kBudgetExhausted &&
                       snapshot.costs.on_exceed == policy::OnExceed::kDegrade;
  if (snapshot.chain == nullptr || offers.empty() || admission.would_act ||
      (!cheaper && !snapshot.chain->MovesOn(error_class, StandsIn(admission)))) {
    return false;
  }
  const Now now = Time();
  const MutexLock lock(mutex_);
  for (std::size_t step = 1; step < offers.size(); ++step) {
    const std::size_t next = (admission.offer + step) % offers.size();
    const TierOffer& offer = offers[next];
    if (admission.tried.test(next) || !offer.skipped.empty() || LacksState(admission, offer) ||
        (larger && !offer.larger_context)) {
      continue;
    }
    if (!snapshot.enforce()) {
      metrics_.CountFallback(error_class, false);
      admission.would_act = true;
      return false;
    }
    // The place is left: what it did not bill is free again.
    costs_.Release(admission.reservation, now.wall);
    admission.reservation = {};
    const Admission before = admission;
    EnterOffer(admission, offers, next);
    admission.stood_in = true;
    admission.by_budget = cheaper;
    NoteLaterOffers(admission, offers, now);
    ResolveLimit(admission, now);
    const auto left = TimeLeft(admission, now);
    if (admission.limit.allowed && (!left || left->count() > 0)) {
      PassBudget(snapshot, admission, now);
      const bool affordable = !admission.refusal.has_value();
      if (affordable) {
        PassBreaker(snapshot, admission, now);
      }
      if (!admission.refusal.has_value()) {
        metrics_.CountFallback(error_class, true);
        log::Info("fallback", {{"from", breakers_.TargetKey(before.target)},
                               {"to", breakers_.TargetKey(admission.target)},
                               {"class", policy::ErrorClassName(error_class)},
                               {"turn", admission.turn_id}});
        return true;
      }
      if (affordable) {
        NoteTier(admission, ErrorClass::kCircuitOpen);
      }
      costs_.Release(admission.reservation, now.wall);
    }
    const auto tried = admission.tried;
    admission = before;
    admission.tried = tried;
  }
  return false;
}

void Decisions::LeaveOffer(Admission& admission) {
  const Now now = Time();
  const MutexLock lock(mutex_);
  // Nobody was asked: neutral.
  SettleBreaker(admission, {.error_class = ErrorClass::kClientCancelled, .retry_after = {}}, now);
  admission.guarded = false;
}

void Decisions::NoteTier(const Admission& admission, ErrorClass error_class) {
  if (!chain_counts_.has_value() || !admission.tier.has_value() ||
      *admission.tier >= chain_counts_->tiers.size() ||
      policy::TraitsOf(error_class).breaker == policy::BreakerEffect::kNeutral) {
    return;
  }
  sidecar_config::TierCounts& counts = chain_counts_->tiers[*admission.tier];
  counts.reachable = Answered(error_class) && !(StandsIn(admission) && RefusesPlace(error_class));
  if (error_class == ErrorClass::kNone) {
    ++counts.served;
    return;
  }
  counts.failed += error_class == ErrorClass::kCircuitOpen ? 0 : 1;
  counts.last_class = policy::ErrorClassName(error_class);
}

void Decisions::EndChain(const Admission& admission, const CallEnd& end, const Now& now) {
  if (!chain_counts_.has_value()) {
    return;
  }
  if (end.terminal) {
    ++chain_counts_->terminal_served;
    served_terminal_.Add();
  }
  // A chain that was loaded while the call ran may have fewer tiers.
  if (end.outcome.error_class == ErrorClass::kNone && end.attempted && admission.tier.has_value() &&
      *admission.tier < chain_counts_->tiers.size()) {
    NoteTier(admission, ErrorClass::kNone);
    served_[*admission.tier].Add();
    tiers_.Served(admission.turn, *admission.tier, admission.stood_in && !admission.by_budget,
                  !end.tool_calls.empty(), now.mono);
  }
}

}  // namespace reliability::sidecar::proxy
