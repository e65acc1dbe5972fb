#include "sidecar/proxy/answer_watch.h"

namespace reliability::sidecar::proxy {

namespace {

policy::Protocol AnswersIn(const Call& call) {
  if (!call.tier_api.has_value()) {
    return ProtocolOf(call);
  }
  return *call.tier_api == inspect::LlmApi::kAnthropicMessages ? policy::Protocol::kAnthropic
                                                               : policy::Protocol::kOpenAI;
}

}  // namespace

AnswerWatch::AnswerWatch(const Call& call, const net::ResponseHead& head)
    : status_(head.status), protocol_(AnswersIn(call)) {
  const inspect::AnswerShape shape = inspect::ShapeOf(
      head.status, head.Get(net::FieldId::kContentType), head.Get(net::FieldId::kContentEncoding));
  event_stream_ = shape == inspect::AnswerShape::kStream;
  if (shape == inspect::AnswerShape::kOpaque) {
    unread_llm_ = call.answer_api.has_value();
    return;
  }
  const bool llm = call.kind == CallKind::kLlm || call.kind == CallKind::kLlmOther;
  if (llm && (call.answer_api.has_value() || shape == inspect::AnswerShape::kError)) {
    // Errors look alike at all endpoints of a provider.
    const inspect::LlmApi own = call.answer_api.value_or(protocol_ == policy::Protocol::kAnthropic
                                                             ? inspect::LlmApi::kAnthropicMessages
                                                             : inspect::LlmApi::kOpenAIChat);
    llm_.emplace(call.tier_api.value_or(own), shape);
  } else if (!call.inspected) {
    return;
  } else if (call.kind == CallKind::kMcpTool || call.kind == CallKind::kMcpOther) {
    mcp_.emplace(call.mcp, shape);
  }
}

void AnswerWatch::Feed(std::string_view payload) {
  if (llm_.has_value()) {
    llm_->Feed(payload);
  } else if (mcp_.has_value()) {
    mcp_->Feed(payload);
  }
}

void AnswerWatch::ShareBody(const std::string& kept) {
  if (llm_.has_value() && !event_stream_) {
    llm_->ShareBody(kept);
  }
}

void AnswerWatch::FeedWhole(std::string_view body) {
  if (llm_.has_value()) {
    llm_->ShareWhole(body);
  }
  Feed(body);
}

void AnswerWatch::OwnBody(std::string_view last) {
  if (llm_.has_value()) {
    llm_->OwnBody(last);
  }
}

void AnswerWatch::Finish(bool clean) {
  clean_ = clean;
  if (llm_.has_value()) {
    llm_->Finish(clean);
  } else if (mcp_.has_value()) {
    mcp_->Finish(clean);
  }
}

bool AnswerWatch::must_pass() const {
  if (llm_.has_value()) {
    return llm_->first_token();
  }
  return !mcp_.has_value() || mcp_->other_message();
}

bool AnswerWatch::first_token() const { return llm_.has_value() ? llm_->first_token() : true; }

bool AnswerWatch::complete() const {
  if (llm_.has_value()) {
    return llm_->terminal() || llm_->complete();
  }
  return mcp_.has_value() && mcp_->responded();
}

bool AnswerWatch::lacks_end() const {
  return event_stream_ && llm_.has_value() && llm_->complete() && !llm_->terminal() &&
         !llm_->error().has_value();
}

policy::ErrorClass AnswerWatch::Class() const {
  if (llm_.has_value()) {
    return llm_->Classify(status_);
  }
  if (mcp_.has_value()) {
    return mcp_->Classify(status_);
  }
  if (!clean_) {
    return policy::ClassifyTransport(policy::TransportEvent::kCutBody);
  }
  return policy::ClassifyResponse(protocol_, status_, {});
}

bool AnswerWatch::final_answer() const { return llm_.has_value() && llm_->final_answer(); }

policy::AnswerUsage AnswerWatch::usage() const {
  if (llm_.has_value()) {
    return llm_->usage();
  }
  // Encoded, or of a type that nobody expects: it was billed all the same.
  const bool good = unread_llm_ && status_ >= 200 && status_ < 300;
  return {.kind = good ? policy::UsageKind::kUnread : policy::UsageKind::kNone,
          .counts = {},
          .output_bytes = 0};
}

policy::ProviderError AnswerWatch::error() const {
  return llm_.has_value() ? llm_->error().value_or(policy::ProviderError{})
                          : policy::ProviderError{};
}

std::vector<policy::RequestedTool> AnswerWatch::tool_calls() const {
  return llm_.has_value() && llm_->complete() ? llm_->tool_calls()
                                              : std::vector<policy::RequestedTool>{};
}

std::string AnswerWatch::response_id() const { return llm_.has_value() ? llm_->response_id() : ""; }

const std::vector<std::string>* AnswerWatch::tools_list() const {
  return mcp_.has_value() && !mcp_->tools().empty() ? &mcp_->tools() : nullptr;
}

}  // namespace reliability::sidecar::proxy
