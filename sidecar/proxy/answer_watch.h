#pragma once
// Reads an answer while it passes, whatever its protocol, and says what it was. Loop thread only.
#include <optional>
#include <string_view>
#include <vector>

#include "libs/net/http_head.h"
#include "libs/policy/turn_tracker.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/mcp_answer.h"
#include "sidecar/proxy/call.h"

namespace reliability::sidecar::proxy {

class AnswerWatch {
 public:
  AnswerWatch(const Call& call, const net::ResponseHead& head);

  void Feed(std::string_view payload);
  // As LlmAnswer's; nothing for answers that are read otherwise.
  void ShareBody(const std::string& kept);
  void OwnBody(std::string_view last);
  // All of the body, which stays until Finish(), with LlmAnswer::kReadBehind readable bytes behind
  // it.
  void FeedWhole(std::string_view body);
  // `clean`: the body ended by its own framing.
  void Finish(bool clean);

  [[nodiscard]] bool event_stream() const { return event_stream_; }
  // The body is read as JSON: it is worth holding until it is whole.
  [[nodiscard]] bool readable() const { return llm_.has_value() || mcp_.has_value(); }
  // What came so far has to reach the agent now: content has begun, or a message that cannot be
  // taken back. Start-up events and comments can wait.
  [[nodiscard]] bool must_pass() const;
  // Content has begun: no other answer can take its place.
  [[nodiscard]] bool first_token() const;
  // Nothing is missing, whatever the framing says.
  [[nodiscard]] bool complete() const;
  // Events of an LLM stream that are no JSON.
  [[nodiscard]] int malformed() const { return llm_.has_value() ? llm_->malformed_events() : 0; }
  [[nodiscard]] int usage_events() const { return llm_.has_value() ? llm_->usage_events() : 0; }
  // The answer of an LLM asks for tools, or has begun to.
  [[nodiscard]] bool asks_for_tools() const { return llm_.has_value() && llm_->has_tool_calls(); }
  [[nodiscard]] bool llm_stream() const { return llm_.has_value() && event_stream_; }
  // An LLM stream that is whole, but whose terminal event did not come.
  [[nodiscard]] bool lacks_end() const;
  // After Finish().
  [[nodiscard]] policy::ErrorClass Class() const;
  [[nodiscard]] bool final_answer() const;
  [[nodiscard]] policy::AnswerUsage usage() const;  // of an LLM call
  // What an LLM's error says about itself; all empty if nothing can be read.
  [[nodiscard]] policy::ProviderError error() const;
  [[nodiscard]] std::vector<policy::RequestedTool> tool_calls() const;
  [[nodiscard]] std::string response_id() const;
  [[nodiscard]] const std::vector<std::string>* tools_list() const;

 private:
  const int status_;
  const policy::Protocol protocol_;
  bool event_stream_ = false;
  bool clean_ = true;
  bool unread_llm_ = false;
  std::optional<inspect::LlmAnswer> llm_;
  std::optional<inspect::McpAnswer> mcp_;
};

}  // namespace reliability::sidecar::proxy
