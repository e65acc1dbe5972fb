#include "sidecar/inspect/llm_answer.h"

#include <algorithm>
#include <iterator>

#include "libs/base/strings.h"
#include "sidecar/inspect/json_bytes.h"
#include "sidecar/inspect/json_hash.h"

namespace reliability::sidecar::inspect {

static_assert(LlmAnswer::kReadBehind >= kPadding);

AnswerShape ShapeOf(int status, std::string_view content_type, std::string_view content_encoding) {
  const bool plain =
      content_encoding.empty() || EqualsIgnoreCase(Trim(content_encoding), "identity");
  if (!plain) {
    return AnswerShape::kOpaque;
  }
  if (status >= 400) {
    return AnswerShape::kError;
  }
  const std::string_view type = Trim(content_type.substr(0, content_type.find(';')));
  if (EqualsIgnoreCase(type, "text/event-stream")) {
    return AnswerShape::kStream;
  }
  return EqualsIgnoreCase(type, "application/json") ? AnswerShape::kJson : AnswerShape::kOpaque;
}

policy::Protocol LlmAnswer::protocol() const {
  return api_ == LlmApi::kAnthropicMessages ? policy::Protocol::kAnthropic
                                            : policy::Protocol::kOpenAI;
}

void LlmAnswer::Feed(std::string_view bytes) {
  if (shape_ == AnswerShape::kStream) {
    splitter_.Feed(bytes, [this](const SseSplitter::Event& event) {
      switch (api_) {
        case LlmApi::kOpenAIChat:
          OnOpenAiEvent(event);
          break;
        case LlmApi::kAnthropicMessages:
          OnAnthropicEvent(event);
          break;
        case LlmApi::kOpenAIResponses:
          OnResponsesEvent(event);
          break;
      }
    });
    return;
  }
  first_token_ = first_token_ || !bytes.empty();
  if (shape_ == AnswerShape::kOpaque || overflow_) {
    return;
  }
  const std::size_t limit = shape_ == AnswerShape::kError ? kMaxErrorBytes : kMaxJsonBytes;
  if (body_bytes_ + bytes.size() > limit) {
    overflow_ = true;
    body_bytes_ = 0;
    shared_ = nullptr;
    whole_ = {};
    body_ = std::string();
    return;
  }
  body_bytes_ += bytes.size();
  if (shared_ == nullptr && whole_.empty()) {
    Append(body_, bytes);
  }
}

void LlmAnswer::Append(std::string& body, std::string_view bytes) {
  const std::size_t room = body.size() + bytes.size() + kReadBehind;
  if (body.capacity() < room) {
    body.reserve(std::max(body.size() * 2, room));
  }
  body.append(bytes);
}

void LlmAnswer::OwnBody(std::string_view last) {
  if (shared_ != nullptr) {
    Append(body_, *shared_);
    Append(body_, last);
    shared_ = nullptr;
  }
}

void LlmAnswer::Finish(bool clean) {
  clean_ = clean;
  if (overflow_ || !clean) {
    shared_ = nullptr;
    whole_ = {};
    return;
  }
  if (shape_ == AnswerShape::kError) {
    error_ = ReadProviderError(body());
  } else if (shape_ == AnswerShape::kJson) {
    switch (api_) {
      case LlmApi::kOpenAIChat:
        ReadOpenAiAnswer();
        break;
      case LlmApi::kAnthropicMessages:
        ReadAnthropicAnswer();
        break;
      case LlmApi::kOpenAIResponses:
        ReadResponsesAnswer();
        break;
    }
  }
  if (complete_ && content_bytes_ == 0) {
    // Of a format whose content is not looked into.
    content_bytes_ = static_cast<std::int64_t>(body_bytes_);
  }
  shared_ = nullptr;
  whole_ = {};
  body_ = std::string();
}

std::size_t LlmAnswer::room() const {
  return whole_.empty() ? kept().capacity() - kept().size() : kReadBehind;
}

void LlmAnswer::AddToolPiece(std::int64_t choice, std::int64_t index, std::string_view id,
                             std::string_view name, std::string_view arguments) {
  const auto key = std::pair(choice, index);
  if (calls_.size() >= kMaxToolCalls && !calls_.contains(key)) {
    return;
  }
  ToolCall& call = calls_[key];
  if (call.id.empty()) {
    call.id = id.substr(0, policy::TurnTracker::kMaxIdBytes);
  }
  if (call.name.empty()) {
    call.name = name.substr(0, policy::TurnTracker::kMaxIdBytes);
  }
  if (call.arguments.size() + arguments.size() > kMaxArgumentBytes) {
    call.overflow = true;
    call.arguments = std::string();
  } else if (!call.overflow) {
    call.arguments.append(arguments);
  }
}

std::vector<policy::RequestedTool> LlmAnswer::tool_calls() const {
  std::vector<policy::RequestedTool> tools;
  tools.reserve(calls_.size());
  for (const auto& [key, call] : calls_) {
    // 0 fits no real call: such a call joins its turn by name.
    const std::uint64_t hash = call.overflow ? 0 : JsonHash(call.arguments).value_or(0);
    tools.push_back({call.id, call.name, hash});
  }
  return tools;
}

bool LlmAnswer::final_answer() const {
  if (error_) {
    return false;
  }
  const bool blind =
      shape_ == AnswerShape::kOpaque || overflow_ || (!complete_ && splitter_.oversized() > 0);
  if (blind) {
    return clean_ && calls_.empty();
  }
  // A Responses answer in the background is still to be written.
  const std::string_view reason = finish_reason_;
  const bool goes_on = reason == "pause_turn" || reason == "queued" || reason == "in_progress";
  return complete_ && calls_.empty() && !goes_on;
}

policy::AnswerUsage LlmAnswer::usage() const {
  using policy::UsageKind;
  policy::AnswerUsage usage{.kind = UsageKind::kNone, .counts = tokens_, .output_bytes = 0};
  if (has_usage_) {
    usage.kind = UsageKind::kReported;
  } else if (shape_ == AnswerShape::kJson && overflow_) {
    usage.kind = UsageKind::kUnread;
  } else if (shape_ == AnswerShape::kJson || shape_ == AnswerShape::kStream) {
    // Of a cut body the bytes that came are all that is known.
    usage.output_bytes = content_bytes_ + (clean_ ? 0 : static_cast<std::int64_t>(body_bytes_));
    usage.kind = complete_ || usage.output_bytes > 0 ? UsageKind::kPartial : UsageKind::kNone;
  }
  return usage;
}

policy::ErrorClass LlmAnswer::Classify(int status) const {
  using policy::ErrorClass;
  if (status < 200 || status >= 300) {
    return policy::ClassifyResponse(protocol(), status, error_.value_or(policy::ProviderError{}));
  }
  if (error_) {
    return policy::ClassifyEmbedded(protocol(), *error_);
  }
  if (complete_) {
    return ErrorClass::kNone;
  }
  if (!clean_) {
    return ErrorClass::kStreamTruncated;
  }
  // What is too large to read is believed.
  if (shape_ == AnswerShape::kOpaque || overflow_ || splitter_.oversized() > 0) {
    return ErrorClass::kNone;
  }
  const bool cut = shape_ == AnswerShape::kStream && malformed_ == 0;
  return cut ? ErrorClass::kStreamTruncated : ErrorClass::kMalformed;
}

}  // namespace reliability::sidecar::inspect
