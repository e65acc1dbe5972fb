#pragma once
// What one request turned out to be: filled stage by stage, read by the attempt and the relay.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "libs/policy/classifier.h"
#include "sidecar/inspect/error_body.h"
#include "sidecar/inspect/llm_request.h"
#include "sidecar/inspect/mcp_request.h"
#include "sidecar/inspect/mcp_rewrite.h"
#include "sidecar/proxy/chain_plan.h"
#include "sidecar/proxy/decisions.h"
#include "sidecar/proxy/renamed_calls.h"
#include "sidecar/proxy/route_table.h"

namespace reliability::sidecar::proxy {

enum class CallKind : std::uint8_t {
  kLlm,       // chat completions, messages, responses: a step of a turn
  kLlmOther,  // embeddings, models …: provider breaker only
  kMcpTool,   // tools/call, or a batch with one
  kMcpOther,  // initialize, tools/list, ping, notifications, GET streams
  kHttpTool,
};

struct Call {
  CallKind kind = CallKind::kHttpTool;
  const Route* route = nullptr;  // of the snapshot: where the agent called
  std::string target;            // path and query at the upstream
  // Where the running attempt goes: `route`, or a tier's. `tier` is null at a place of no chain.
  const Route* upstream = nullptr;
  const Tier* tier = nullptr;
  bool foreign = false;  // it is not the agent's account: it is called with the tier's key
  std::string below;     // of target: what follows the base path; filled when the call moves
  // For the tier: its model, its format; of a cancellation: the id that the server knows. Empty =
  // as the agent wrote it.
  std::string sent_body;
  bool asks_for_usage = false;  // of a stream, and the agent does not
  // Of a tier that speaks another format than the agent: its answers are read so, and written anew
  // for the agent.
  std::optional<inspect::LlmApi> tier_api;
  // The places that may answer in their order, with admission.offer as the running one; empty: no
  // chain.
  std::vector<TierOffer> offers;
  std::string_view state_field;  // what binds the request to one account; empty = nothing
  bool offers_checked = false;   // those of another format can take the request, or are skipped
  // The request as written for one of them, kept from that check.
  std::optional<std::pair<std::size_t, std::string>> prepared;
  bool inspected = false;  // the answer is read, too

  std::optional<inspect::LlmApi> api;         // kLlm
  std::optional<inspect::LlmApi> answer_api;  // how an LLM's answer is read
  inspect::LlmRequest llm;
  inspect::McpRequest mcp;
  bool stateless = false;  // MCP 2026-07-28 and newer

  // Sending it again cannot change anything at the upstream (data-plane 2.8).
  bool repeatable = false;
  // Another attempt may follow this one.
  bool may_repeat = false;
  // It, the chain's template or an error of ours may answer in this one's place: what came is held
  // until something of it must pass.
  bool may_replace = false;
  // A repeated MCP request has new tokens: the body to send, and the way back for its answer.
  std::optional<inspect::RenamedRequest> renamed;
  RenamedCalls::Entry known_as;  // so that a cancellation finds it
  // GET streams and the like: no time limit.
  bool unlimited = false;
  Admission admission;
};

// "orders/search", "openai": what an error names.
[[nodiscard]] std::string ResourceName(const Call& call);
[[nodiscard]] policy::Protocol ProtocolOf(const Call& call);
// An error in the format that the caller of `call` reads.
[[nodiscard]] inspect::MadeAnswer MakeAnswer(const Call& call, const inspect::ErrorReply& reply);
// The same as last bytes of an event stream; empty if the format has none.
[[nodiscard]] std::string MakeStreamError(const Call& call, const inspect::ErrorReply& reply);
// What ends a stream whose answer is whole but whose terminal event did not come.
[[nodiscard]] std::string MakeStreamEnd(const Call& call);

}  // namespace reliability::sidecar::proxy
