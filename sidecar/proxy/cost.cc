#include "sidecar/proxy/cost.h"

#include <algorithm>

#include "libs/base/hash.h"
#include "libs/base/strings.h"
#include "sidecar/inspect/request_size.h"
#include "sidecar/inspect/usage_request.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::size_t kMaxSessionBytes = 128;

// Long ids are told apart by their hash.
std::string SessionOf(std::string_view id) {
  if (id.size() <= kMaxSessionBytes) {
    return std::string(id);
  }
  return "#" + Hex16(Fnv1a(id));
}

}  // namespace

policy::CostAsk CostAskOf(const ExchangeState& state) {
  const policy::CostSettings& settings = state.snapshot->costs;
  const bool counts = settings.active() || state.loop.decisions.BudgetOrdered();
  if (!counts || !state.call.answer_api.has_value()) {
    return {};
  }
  const RequestBody& body = state.body;
  policy::RequestSize size;
  if (body.done() && body.intact() && !body.encoded() &&
      body.whole().size() <= inspect::kMaxInspectedRequest) {
    size = inspect::ReadRequestSize(body.whole());
  } else {
    size.text_bytes = static_cast<std::int64_t>(
        std::min<std::uint64_t>(body.length().value_or(0), std::uint64_t{1} << 40U));
  }
  return {.counted = true,
          .session = SessionOf(state.request.Get(net::FieldId::kAgentSession)),
          .estimate = policy::EstimateTokens(size, settings.assumed_output_tokens)};
}

void AskForUsage(ExchangeState& state) {
  Call& call = state.call;
  call.asks_for_usage = false;
  // What is translated asks for it already.
  if (!state.enforce || !call.admission.reservation.held || !call.llm.stream ||
      call.tier_api.has_value() || call.answer_api != inspect::LlmApi::kOpenAIChat ||
      !state.body.done() || !state.body.intact()) {
    return;
  }
  std::optional<std::string> own = inspect::WithUsage(state.body.whole());
  if (!own.has_value()) {
    return;
  }
  call.asks_for_usage = true;
  if (call.sent_body.empty()) {
    call.sent_body = std::move(*own);
  } else if (auto tiers = inspect::WithUsage(call.sent_body)) {  // else an earlier attempt did
    call.sent_body = std::move(*tiers);
  }
}

bool CanStillAnswer(const config::Snapshot& snapshot, policy::ErrorClass error_class) {
  const ChainPlan* chain = snapshot.chain.get();
  if (chain == nullptr) {
    return false;
  }
  if (error_class == policy::ErrorClass::kDeadlineExceeded) {
    return chain->document.terminal.type == sidecar_config::TerminalType::kStaticResponse;
  }
  if (error_class == policy::ErrorClass::kBudgetExhausted) {
    return snapshot.costs.on_exceed != policy::OnExceed::kReject;
  }
  return chain->Advances(error_class);
}

}  // namespace reliability::sidecar::proxy
