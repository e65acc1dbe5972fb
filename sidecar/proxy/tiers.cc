#include "sidecar/proxy/tiers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/base/log.h"
#include "libs/sidecar_config/to_policy.h"
#include "sidecar/inspect/model_rewrite.h"
#include "sidecar/inspect/provider_state.h"
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

Milliseconds LimitOf(const ExchangeState& state, std::string_view model) {
  return sidecar_config::LlmTimesOf(state.snapshot->policy.timeouts, model).total;
}

// A tier at another origin than the agent's own upstream, or there as somebody else (data-plane
// ruling 50). Where the agent called, it is itself.
bool IsForeign(const ExchangeState& state, const Tier* tier) {
  return tier != nullptr && tier != state.call.offers.front().place &&
         (tier->route->url.origin != state.call.route->url.origin ||
          (!tier->key.empty() && tier->key != KeyOf(state.request)));
}

bool SpeaksOtherFormat(const Call& call, const Tier* tier) {
  return tier != nullptr && tier->route->format != call.route->format;
}

void AddOffer(ExchangeState& state, const Tier& tier) {
  Call& call = state.call;
  TierOffer& offer = call.offers.emplace_back();
  offer.place = &tier;
  offer.target.upstream = tier.provider;
  offer.target.name = tier.model.empty() ? std::string_view(call.llm.model) : tier.model;
  offer.component = tier.timeout.value_or(LimitOf(state, offer.target.name));
  offer.tier = tier.index;
  offer.larger_context = tier.larger_context;
  offer.skipped = tier.skipped;
  if (!offer.skipped.empty()) {
    return;
  }
  const bool foreign = IsForeign(state, &tier);
  if (!tier.route->configured) {
    offer.skipped = "no_url";
  } else if (tier.keyless && call.offers.size() > 1) {
    offer.skipped = sidecar_config::kSkippedCredentialMissing;
  } else if (foreign && tier.key.empty()) {
    offer.skipped = sidecar_config::kSkippedNoCredential;
  } else {
    offer.translated = SpeaksOtherFormat(call, &tier);
    offer.account = foreign ? tier.account + 1 : 0;
  }
}

translate::Format NativeFormat(const Route& route) {
  return route.format == sidecar_config::LlmFormat::kAnthropic ? translate::Format::kMessages
                                                               : translate::Format::kChat;
}

// The agent's request for a tier of another format.
Result<std::string> Translated(const ExchangeState& state, const Tier& tier) {
  const Call& call = state.call;
  const std::string& model = tier.model.empty() ? call.llm.model : tier.model;
  return translate::TranslateRequest(FormatOf(call), state.body.whole(),
                                     translate::TargetOf(NativeFormat(*tier.route), model));
}

void Skip(ExchangeState& state, std::size_t offer, std::string_view why) {
  constexpr std::size_t kMostOfAField = 160;  // behind the colon it quotes the request
  Call& call = state.call;
  const std::string_view field = why.size() <= kMostOfAField ? why : why.substr(0, why.find(':'));
  call.offers[offer].skipped = policy::ErrorClassName(policy::ErrorClass::kUntranslatable);
  state.loop.metrics.CountUntranslatable(call.offers[offer].place->name);
  log::Info("tier_skipped", {{"tier", call.offers[offer].place->name},
                             {"class", call.offers[offer].skipped},
                             {"field", field},
                             {"turn", call.admission.turn_id}});
}

// Whether a request that refers to one account's state must not go everywhere.
bool MayLackState(const Call& call) {
  return std::any_of(call.offers.begin(), call.offers.end(), [](const TierOffer& offer) {
    return offer.account != 0 && offer.skipped.empty() && !offer.translated;
  });
}

}  // namespace

void SkipUntranslatable(ExchangeState& state) {
  Call& call = state.call;
  if (std::exchange(call.offers_checked, true)) {
    return;
  }
  for (std::size_t i = 0; i < call.offers.size(); ++i) {
    if (!call.offers[i].skipped.empty() || call.admission.tried.test(i)) {
      continue;
    }
    if (LacksState(call.admission, call.offers[i])) {
      Skip(state, i, call.state_field);
    } else if (call.offers[i].translated) {
      auto body = Translated(state, *call.offers[i].place);
      if (!body.has_value()) {
        Skip(state, i, body.error().message);
      } else if (!call.prepared.has_value()) {
        call.prepared.emplace(i, std::move(*body));
      }
    }
  }
}

void SettleLaterOffers(ExchangeState& state) {
  const Admission& admission = state.call.admission;
  if (state.enforce && admission.later_offer && !admission.later_certain &&
      !state.call.offers_checked) {
    SkipUntranslatable(state);
    state.loop.decisions.ForgetLaterOffers(*state.snapshot, state.call.admission,
                                           state.call.offers);
  }
}

void ListOffers(ExchangeState& state) {
  Call& call = state.call;
  if (!CanMove(state)) {
    return;
  }
  const std::vector<Tier>& tiers = state.snapshot->chain->tiers;
  call.offers.reserve(tiers.size() + 1);
  const auto addressed = std::find_if(tiers.begin(), tiers.end(),
                                      [&](const Tier& tier) { return IsAddressed(call, tier); });
  auto first = addressed;
  if (addressed == tiers.end()) {
    // What the agent asks for is no tier: it is asked first, then all of them.
    TierOffer& offer = call.offers.emplace_back();
    offer.target.upstream = call.route->name;
    offer.target.name = call.llm.model;
    offer.component = LimitOf(state, call.llm.model);
    first = tiers.begin();
  }
  for (auto tier = first; tier != tiers.end(); ++tier) {
    AddOffer(state, *tier);
  }
  // Where the agent called must be able to take the call; else it is as without a chain.
  if (!call.offers.front().skipped.empty()) {
    call.offers.clear();
  }
  const bool responses = call.answer_api == inspect::LlmApi::kOpenAIResponses;
  if ((responses || call.llm.structured) && MayLackState(call)) {
    call.state_field =
        inspect::ProviderState(*call.answer_api, state.body.whole(), RequestBody::kReadableBehind);
    call.admission.bound = !call.state_field.empty();
  }
}

bool GoToOffer(ExchangeState& state) {
  Call& call = state.call;
  const Tier* tier = call.offers[call.admission.offer].place;
  const Route* upstream = tier == nullptr ? call.route : tier->route;
  const std::string& model = tier == nullptr ? call.llm.model : tier->model;
  std::string body;
  const bool translates = SpeaksOtherFormat(call, tier);
  const TierOffer& offer = call.offers[call.admission.offer];
  if (LacksState(call.admission, offer)) {
    Skip(state, call.admission.offer, call.state_field);
    return false;
  }
  if (translates && call.prepared.has_value() && call.prepared->first == call.admission.offer) {
    body = std::move(call.prepared->second);
    call.prepared.reset();
  } else if (translates) {
    auto written = Translated(state, *tier);
    if (!written.has_value()) {
      Skip(state, call.admission.offer, written.error().message);
      return false;
    }
    body = std::move(*written);
  } else if (!model.empty() && model != call.llm.model) {
    auto written = inspect::WithModel(state.body.whole(), model);
    if (!written.has_value()) {
      return false;
    }
    body = std::move(*written);
  }
  if (!translates && offer.account != call.admission.home &&
      call.answer_api == inspect::LlmApi::kOpenAIResponses) {
    // Nobody else can read them, and a name of one that is unknown is refused.
    if (auto written =
            inspect::WithoutReasoning(body.empty() ? state.body.whole() : std::string_view(body))) {
      body = std::move(*written);
    }
  }
  call.tier = tier;
  call.foreign = IsForeign(state, tier);
  call.sent_body = std::move(body);
  if (!translates && !call.foreign && upstream == call.upstream && call.below.empty()) {
    return true;  // the target is the agent's own
  }
  if (call.below.empty()) {
    call.below = call.target.substr(call.route->base_path.size());
  }
  call.upstream = upstream;
  if (!translates) {
    call.tier_api.reset();
    // A query may hold the agent's key.
    const std::size_t end = call.foreign ? call.below.find('?') : std::string::npos;
    call.target = upstream->base_path + call.below.substr(0, end);
    return true;
  }
  // The agent's query is one of its own API.
  const bool messages = NativeFormat(*upstream) == translate::Format::kMessages;
  call.tier_api = messages ? inspect::LlmApi::kAnthropicMessages : inspect::LlmApi::kOpenAIChat;
  call.target = upstream->base_path + (messages ? "/messages" : "/chat/completions");
  return true;
}

translate::Format TierFormatOf(const Call& call) {
  return call.tier_api.has_value() ? NativeFormat(*call.upstream) : FormatOf(call);
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

bool HasTerminal(const ExchangeState& state) {
  return !state.call.offers.empty() && !state.resumed &&
         state.snapshot->chain->document.terminal.type ==
             sidecar_config::TerminalType::kStaticResponse;
}

std::optional<Terminal> MakeTerminal(const ExchangeState& state, policy::ErrorClass reason) {
  const Call& call = state.call;
  if (!HasTerminal(state)) {
    return std::nullopt;
  }
  const ChainPlan* chain = state.snapshot->chain.get();
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

}  // namespace reliability::sidecar::proxy
