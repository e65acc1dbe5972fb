#pragma once
// Watches the answer to one MCP POST: JSON or event stream, in pieces of any size. Finds the
// response to our request's id, and in it isError, the structured hint, an error code, or tool
// names. Pure, incremental, bounded.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/classifier.h"
#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/llm_answer.h"
#include "sidecar/inspect/mcp_request.h"
#include "sidecar/inspect/sse_splitter.h"

namespace reliability::sidecar::inspect {

struct McpResponse;  // mcp_answer.cc

class McpAnswer {
 public:
  static constexpr std::size_t kMaxJsonBytes = 4U << 20U;
  static constexpr std::size_t kMaxTools = 256;

  // Shape as for LLM answers. Requests without id (notifications, responses, batches) have no
  // response to wait for: their answers are judged by status.
  McpAnswer(const McpRequest& request, AnswerShape shape)
      : id_hash_(request.id_json.empty() ? std::nullopt : JsonHash(request.id_json)),
        shape_(shape) {}

  void Feed(std::string_view bytes);
  void Finish(bool clean);

  // The response to our id was seen whole.
  [[nodiscard]] bool responded() const { return responded_; }
  // Another message than the response was seen (progress, a request of the server): it cannot be
  // taken back.
  [[nodiscard]] bool other_message() const { return other_message_; }
  [[nodiscard]] bool is_error() const { return is_error_; }  // result.isError
  [[nodiscard]] const std::optional<std::int64_t>& error_code() const { return error_code_; }
  [[nodiscard]] bool input_required() const { return input_required_; }
  [[nodiscard]] const policy::ToolErrorHint& hint() const { return hint_; }
  [[nodiscard]] const std::vector<std::string>& tools() const { return tools_; }  // tools/list
  [[nodiscard]] bool saw_event_id() const { return saw_event_id_; }

  // Class of the whole answer after Finish(). A stream that closes cleanly after an event id is
  // kDeferred: the client resumes it (data-plane ruling 25).
  [[nodiscard]] policy::ErrorClass Classify(int status) const;

 private:
  void OnMessages(std::string_view json);
  void Accept(McpResponse&& response);

  const std::optional<std::uint64_t> id_hash_;  // of the request; none = nothing to wait for
  const AnswerShape shape_;
  SseSplitter splitter_;
  std::string body_;
  bool overflow_ = false;
  bool responded_ = false;
  bool other_message_ = false;
  bool is_error_ = false;
  bool input_required_ = false;
  bool saw_event_id_ = false;
  bool clean_ = false;
  std::optional<std::int64_t> error_code_;
  policy::ToolErrorHint hint_;
  std::vector<std::string> tools_;
};

}  // namespace reliability::sidecar::inspect
