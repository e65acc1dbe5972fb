#include "sidecar/proxy/tiers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/sidecar_config/to_policy.h"
#include "sidecar/inspect/model_rewrite.h"
#include "sidecar/translate/request.h"
#include "sidecar/translate/template_answer.h"

namespace reliability::sidecar::proxy {
namespace {

// Without a body that can be sent again, or with one that cannot be read, the call stays where it
// is.
bool CanMove(const ExchangeState& state) {
  const Call& call = state.call;
  return state.snapshot->chain != nullptr && call.answer_api.has_value() && call.repeatable &&
         state.body.done() && state.body.intact() && !call.llm.model.empty();
}

bool IsAddressed(const Call& call, const Tier& tier) {
  return tier.route == call.route && (tier.model.empty() || tier.model == call.llm.model);
}

Milliseconds LimitOf(const ExchangeState& state, const std::string& model) {
  return sidecar_config::LlmTimesOf(state.snapshot->policy.timeouts, model).total;
}

TierOffer OfferOf(const ExchangeState& state, const Tier& tier) {
  const Call& call = state.call;
  TierOffer offer;
  offer.target = {.kind = policy::TargetKind::kLlm,
                  .upstream = tier.provider,
                  .name = tier.model.empty() ? call.llm.model : tier.model};
  offer.component = tier.timeout.value_or(LimitOf(state, offer.target.name));
  offer.tier = tier.index;
  offer.larger_context = tier.larger_context;
  offer.skipped = tier.skipped;
  if (!offer.skipped.empty()) {
    return offer;
  }
  const bool own = tier.route->url.origin == call.route->url.origin;
  if (tier.route->format != call.route->format) {
    offer.skipped = policy::ErrorClassName(policy::ErrorClass::kUntranslatable);
  } else if (!tier.route->configured) {
    offer.skipped = "no_url";
  } else if (!own && tier.key.empty()) {
    offer.skipped = sidecar_config::kSkippedNoCredential;
  }
  return offer;
}

}  // namespace

void ListOffers(ExchangeState& state) {
  Call& call = state.call;
  if (!CanMove(state)) {
    return;
  }
  const std::vector<Tier>& tiers = state.snapshot->chain->tiers;
  call.offers.reserve(tiers.size() + 1);
  call.tiers.reserve(tiers.size() + 1);
  const auto addressed = std::find_if(tiers.begin(), tiers.end(),
                                      [&](const Tier& tier) { return IsAddressed(call, tier); });
  auto first = addressed;
  if (addressed == tiers.end()) {
    // What the agent asks for is no tier: it is asked first, then all of them.
    TierOffer offer;
    offer.target = {
        .kind = policy::TargetKind::kLlm, .upstream = call.route->name, .name = call.llm.model};
    offer.component = LimitOf(state, call.llm.model);
    call.offers.push_back(std::move(offer));
    call.tiers.push_back(nullptr);
    first = tiers.begin();
  }
  for (auto tier = first; tier != tiers.end(); ++tier) {
    call.offers.push_back(OfferOf(state, *tier));
    call.tiers.push_back(&*tier);
  }
  // Where the agent called must be able to take the call; else it is as without a chain.
  if (!call.offers.front().skipped.empty()) {
    call.offers.clear();
    call.tiers.clear();
  }
}

bool GoToOffer(ExchangeState& state) {
  Call& call = state.call;
  const Tier* tier = call.tiers[call.admission.offer];
  const Route* upstream = tier == nullptr ? call.route : tier->route;
  const std::string& model = tier == nullptr ? call.llm.model : tier->model;
  std::string body;
  if (!model.empty() && model != call.llm.model) {
    auto written = inspect::WithModel(state.body.whole(), model);
    if (!written.has_value()) {
      return false;
    }
    body = std::move(*written);
  }
  call.tier = tier;
  call.upstream = upstream;
  call.sent_body = std::move(body);
  call.target = upstream->base_path + call.below;
  return true;
}

translate::Format FormatOf(const Call& call) {
  if (call.answer_api == inspect::LlmApi::kOpenAIResponses) {
    return translate::Format::kResponses;
  }
  return call.route->format == sidecar_config::LlmFormat::kAnthropic ? translate::Format::kMessages
                                                                     : translate::Format::kChat;
}

translate::Origin OriginOf(const ExchangeState& state) {
  translate::Origin origin;
  origin.model = state.call.tier != nullptr && !state.call.tier->model.empty()
                     ? state.call.tier->model
                     : state.call.llm.model;
  origin.created = std::chrono::duration_cast<std::chrono::seconds>(
                       state.loop.clock.SystemNow().time_since_epoch())
                       .count();
  origin.fallback_id = state.RequestId();
  return origin;
}

std::optional<Terminal> MakeTerminal(const ExchangeState& state, policy::ErrorClass reason) {
  const Call& call = state.call;
  const ChainPlan* chain = state.snapshot->chain.get();
  if (!state.enforce || chain == nullptr || call.offers.empty() || state.resumed ||
      chain->document.terminal.type != sidecar_config::TerminalType::kStaticResponse) {
    return std::nullopt;
  }
  auto caller = translate::ReadCaller(FormatOf(call), state.body.whole());
  if (!caller.has_value()) {
    return std::nullopt;
  }
  const std::string& workload = state.snapshot->policy.workload;
  const std::string text = translate::RenderTemplate(chain->document.terminal.text,
                                                     workload.substr(workload.rfind('/') + 1),
                                                     policy::ErrorClassName(reason));
  Terminal terminal;
  terminal.answer = translate::TemplateAnswer(*caller, text, OriginOf(state));
  terminal.answer.headers.emplace_back("x-agent-served-by", "template");
  terminal.answer.headers.emplace_back("x-agent-degraded", "template");
  if (state.sent_head) {
    terminal.stream = terminal.answer.body;
  }
  return terminal;
}

bool IsForeign(const Call& call) {
  return call.upstream != call.route && call.upstream->url.origin != call.route->url.origin;
}

}  // namespace reliability::sidecar::proxy
