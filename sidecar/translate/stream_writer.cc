#include "sidecar/translate/stream_writer.h"

#include <algorithm>
#include <utility>

namespace reliability::sidecar::translate {
namespace {

const StreamEvents& EventsOf(Format format) {
  switch (format) {
    case Format::kChat:
      return kChatEvents;
    case Format::kMessages:
      return kMessagesEvents;
    case Format::kResponses:
      break;
  }
  return kResponsesEvents;
}

}  // namespace

StreamWriter::StreamWriter(Caller caller) : events_(EventsOf(caller.format)) {
  context_.caller = std::move(caller);
}

void StreamWriter::Start(const Answer& head) {
  started_ = true;
  context_.answer.id = head.id;
  context_.answer.model = head.model;
  context_.answer.created = head.created;
  events_.start(context_);
}

void StreamWriter::Open(BlockKind kind, std::string_view id, std::string_view name) {
  if (to_repeat_ > 0) {
    diverged_ = diverged_ || kind != BlockKind::kText;
    return;
  }
  open_ = true;
  context_.answer.blocks.push_back({kind, {}, std::string(id), std::string(name)});
  events_.open(context_);
}

std::string_view StreamWriter::Unrepeated(std::string_view text) {
  const std::size_t common = std::min(to_repeat_, text.size());
  const std::string_view owed = std::string_view(said_).substr(said_.size() - to_repeat_, common);
  diverged_ = diverged_ || owed != text.substr(0, common);
  to_repeat_ -= common;
  return text.substr(common);
}

void StreamWriter::Delta(std::string_view text) {
  text = Unrepeated(text);
  if (diverged_ || text.empty()) {
    return;
  }
  if (!open_) {  // the block that resumes was closed already
    Open(BlockKind::kText, {}, {});
  }
  if (context_.answer.blocks.back().kind == BlockKind::kText) {
    forgot_ = forgot_ || said_.size() + text.size() > kMaxSaid;
    if (forgot_) {
      said_ = std::string();
    } else {
      said_.append(text);
    }
  }
  if (context_.caller.format == Format::kResponses) {
    context_.answer.blocks.back().text.append(text);
  }
  events_.delta(context_, text);
}

void StreamWriter::Close() {
  if (to_repeat_ == 0 && open_) {
    open_ = false;
    events_.close(context_);
  }
}

void StreamWriter::Finish(translate::Finish finish, const Usage& usage) {
  diverged_ = diverged_ || to_repeat_ > 0;
  if (diverged_) {
    return;
  }
  context_.answer.finish = finish;
  context_.answer.usage = usage;
  events_.finish(context_);
}

void StreamWriter::Explain(std::string_view text) {
  to_repeat_ = 0;
  Close();
  Open(BlockKind::kText, {}, {});
  Delta(text);
  Close();
}

void StreamWriter::AdoptIndex(std::int64_t last_index) {
  context_.index_offset = last_index + 1 - std::ssize(context_.answer.blocks);
}

void StreamWriter::AdoptItems(const std::vector<std::string>& item_ids,
                              std::int64_t last_sequence) {
  std::vector<Block>& blocks = context_.answer.blocks;
  for (std::size_t i = 0; i < std::min(blocks.size(), item_ids.size()); ++i) {
    blocks[i].item_id = item_ids[i];
  }
  context_.sequence = last_sequence + 1;
}

void StreamWriter::Resume() {
  diverged_ = false;
  to_repeat_ = said_.size();
}

void StreamWriter::Error(const inspect::ErrorReply& reply) {
  switch (context_.caller.format) {
    case Format::kChat:
      context_.out += inspect::OpenAiStreamError(reply);
      break;
    case Format::kMessages:
      context_.out += inspect::AnthropicStreamError(reply);
      break;
    case Format::kResponses:
      context_.out += inspect::ResponsesStreamError(reply, context_.sequence++);
      break;
  }
}

}  // namespace reliability::sidecar::translate
