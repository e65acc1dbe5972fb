#pragma once
// Watches one LLM answer as it passes, in pieces of any size: when the first token came, which
// tools it asks for, whether it ended properly, which error it carries. Pure, incremental, bounded.
//
//   LlmAnswer answer(LlmApi::kOpenAIChat, AnswerShape::kStream);
//   answer.Feed(piece); … answer.Finish();   // Finish at the end of the body, clean or cut
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/classifier.h"
#include "libs/policy/cost_budget.h"
#include "libs/policy/turn_tracker.h"
#include "sidecar/inspect/llm_request.h"
#include "sidecar/inspect/sse_splitter.h"

namespace reliability::sidecar::inspect {

enum class AnswerShape : std::uint8_t {
  kStream,  // 2xx text/event-stream
  kJson,    // 2xx application/json
  kError,   // status >= 400 with a body
  kOpaque,  // encoded or another type: judged by its status alone
};

// By status and headers. A content-encoding other than identity makes it opaque.
[[nodiscard]] AnswerShape ShapeOf(int status, std::string_view content_type,
                                  std::string_view content_encoding);

class LlmAnswer {
 public:
  static constexpr std::size_t kMaxJsonBytes = 4U << 20U;
  static constexpr std::size_t kMaxErrorBytes = 64U << 10U;
  static constexpr std::size_t kMaxArgumentBytes = 256U << 10U;
  static constexpr std::size_t kMaxToolCalls = 128;
  static constexpr std::size_t kReadBehind = 64;  // a body with this room behind it is not copied

  LlmAnswer(LlmApi api, AnswerShape shape) : api_(api), shape_(shape) {}

  // Appends to a body that is read where it lies: that needs room behind it.
  static void Append(std::string& body, std::string_view bytes);

  void Feed(std::string_view bytes);
  // The caller itself keeps what it feeds, in `kept` by Append(), until Finish(): it is read there
  // instead of being copied. Before the first Feed(); not for streams.
  void ShareBody(const std::string& kept) { shared_ = &kept; }
  // The same if all of the body comes with one Feed(), with kReadBehind bytes behind it that may be
  // looked at.
  void ShareWhole(std::string_view body) { whole_ = body; }
  // It does not any more: copies what it kept, and `last`, which was fed and is not in there.
  void OwnBody(std::string_view last);
  // The body ended: `clean` = by its framing, false = cut.
  void Finish(bool clean);

  // A content, reasoning or tool delta was seen (kStream), or any byte (other shapes).
  [[nodiscard]] bool first_token() const { return first_token_; }
  // kStream: the terminal event ([DONE], message_stop) was seen; nothing more is needed.
  [[nodiscard]] bool terminal() const { return terminal_; }
  // kStream: the answer is whole (finish reason seen), even if the terminal event is missing.
  [[nodiscard]] bool complete() const { return complete_; }
  // Asks for tools; known once complete.
  [[nodiscard]] bool has_tool_calls() const { return !calls_.empty(); }
  // After Finish(): complete, asks for no tool and is not a pause: the turn's answer. Answers that
  // we cannot look into count as one, else their turns would be called unanswered.
  [[nodiscard]] bool final_answer() const;
  [[nodiscard]] std::vector<policy::RequestedTool> tool_calls() const;
  [[nodiscard]] const std::string& finish_reason() const { return finish_reason_; }
  // Responses: its id, by which a later request may go on from it; empty otherwise.
  [[nodiscard]] const std::string& response_id() const { return response_id_; }
  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] int malformed_events() const { return malformed_; }
  // Body of an error, or an error event inside a stream.
  [[nodiscard]] const std::optional<policy::ProviderError>& error() const { return error_; }

  // What is known of the tokens that were billed, after Finish().
  [[nodiscard]] policy::AnswerUsage usage() const;
  // Chunks of a chat stream that say nothing but what was used.
  [[nodiscard]] int usage_events() const { return usage_events_; }

  // Class of the whole answer after Finish().
  [[nodiscard]] policy::ErrorClass Classify(int status) const;

 private:
  struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  // JSON text
    bool overflow = false;
  };

  void OnOpenAiEvent(const SseSplitter::Event& event);
  void OnAnthropicEvent(const SseSplitter::Event& event);
  void OnResponsesEvent(const SseSplitter::Event& event);
  void ReadOpenAiAnswer();
  void ReadAnthropicAnswer();
  void ReadResponsesAnswer();
  // Pieces with the same (choice, index) make one call; ids and names come once.
  void AddToolPiece(std::int64_t choice, std::int64_t index, std::string_view id,
                    std::string_view name, std::string_view arguments);
  [[nodiscard]] policy::Protocol protocol() const;
  [[nodiscard]] const std::string& kept() const { return shared_ != nullptr ? *shared_ : body_; }
  [[nodiscard]] std::string_view body() const { return whole_.empty() ? kept() : whole_; }
  // Readable bytes behind it.
  [[nodiscard]] std::size_t room() const;

  const LlmApi api_;
  const AnswerShape shape_;
  SseSplitter splitter_;
  std::string body_;
  const std::string* shared_ = nullptr;  // in the place of body_
  std::string_view whole_;               // the same
  std::size_t body_bytes_ = 0;
  bool overflow_ = false;  // larger than we look at: judged by its status alone
  bool first_token_ = false;
  bool terminal_ = false;
  bool complete_ = false;
  bool clean_ = false;
  int malformed_ = 0;
  std::string finish_reason_;
  std::string model_;
  std::string response_id_;
  policy::TokenCounts tokens_;
  bool has_usage_ = false;  // `tokens_` are final
  std::int64_t content_bytes_ = 0;
  int usage_events_ = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, ToolCall> calls_;
  std::optional<policy::ProviderError> error_;
};

// {"error":{…}} of either provider, or a bare object with the fields; all empty if not understood.
[[nodiscard]] policy::ProviderError ReadProviderError(std::string_view body);

}  // namespace reliability::sidecar::inspect
