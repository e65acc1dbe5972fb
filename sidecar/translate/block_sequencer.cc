#include "sidecar/translate/block_sequencer.h"

#include <algorithm>
#include <utility>

#include "sidecar/translate/answer_words.h"

namespace reliability::sidecar::translate {

void ObjectScan::Feed(std::string_view text) {
  for (const char c : text) {
    if (complete_) {
      return;
    }
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      complete_ = --depth_ == 0;
    }
  }
}

Status BlockSequencer::Text(BlockKind kind, std::string_view text) {
  if (text.empty()) {
    return {};
  }
  if (pending_.empty() || pending_.back().kind != kind || pending_.back().closed) {
    RELIABILITY_TRY(Push({.kind = kind}));
  }
  RELIABILITY_TRY(Buffer(pending_.back(), text));
  return Advance(false, false);
}

void BlockSequencer::CloseText() {
  if (!pending_.empty() && pending_.back().kind != BlockKind::kToolCall) {
    pending_.back().closed = true;
    // A text alone cannot be wrong.
    (void)Advance(false, false);
  }
}

Status BlockSequencer::OpenTool(std::int64_t key, std::string_view id, std::string_view name) {
  saw_tool_call_ = true;
  if (done_.contains(key)) {
    return {};  // some servers repeat the name with each piece
  }
  Pending* block = Find(key);
  if (block == nullptr) {
    RELIABILITY_TRY(Push({.kind = BlockKind::kToolCall, .key = key}));
    block = &pending_.back();
  }
  if (block->id.empty()) {
    block->id = id;
  }
  if (block->name.empty()) {
    block->name = name;
  }
  return Advance(false, false);
}

Status BlockSequencer::Arguments(std::int64_t key, std::string_view text) {
  if (done_.contains(key)) {
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    return blank ? Status() : Malformed("tool call arguments");
  }
  Pending* block = Find(key);
  if (block == nullptr) {
    RELIABILITY_TRY(OpenTool(key, {}, {}));
    block = Find(key);
  }
  if (block->closed) {
    return Malformed("tool call arguments");
  }
  block->scan.Feed(text);
  RELIABILITY_TRY(Buffer(*block, text));
  return Advance(false, false);
}

Status BlockSequencer::CloseTool(std::int64_t key) {
  if (Pending* block = Find(key)) {
    block->closed = true;
  }
  return Advance(false, false);
}

Status BlockSequencer::Flush(bool cut) { return Advance(true, cut); }

bool BlockSequencer::in_tool_call() const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [](const Pending& block) { return block.kind == BlockKind::kToolCall; });
}

BlockSequencer::Pending* BlockSequencer::Find(std::int64_t key) {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& block) {
    return block.kind == BlockKind::kToolCall && block.key == key;
  });
  return found == pending_.end() ? nullptr : &*found;
}

Status BlockSequencer::Push(Pending block) {
  if (pending_.size() + writer_.blocks() >= kMaxBlocks) {
    return Fail(Code::kExhausted, "the answer has too many parts");
  }
  pending_.push_back(std::move(block));
  return {};
}

Status BlockSequencer::Buffer(Pending& block, std::string_view text) {
  if (buffered_ + text.size() > kMaxBuffered) {
    return Fail(Code::kExhausted, "the answer's tool calls are too large");
  }
  buffered_ += text.size();
  block.text.append(text);
  return {};
}

void BlockSequencer::Send(Pending& block) {
  if (!block.open) {
    block.open = true;
    writer_.Open(block.kind, block.id, block.name);
  }
  if (block.sent < block.text.size()) {
    writer_.Delta(std::string_view(block.text).substr(block.sent));
    block.sent = block.text.size();
  }
  if (block.kind != BlockKind::kToolCall) {
    buffered_ -= block.text.size();
    block.text.clear();
    block.sent = 0;
  }
}

Status BlockSequencer::CheckArguments(const Pending& block, bool cut) {
  const auto parsed = parser_.Parse(block.text);
  if ((parsed && IsObject(*parsed)) || (cut && !block.scan.complete())) {
    return {};
  }
  return Malformed("tool call arguments");
}

Result<bool> BlockSequencer::CanOpen(Pending& block, bool all) const {
  if (block.kind != BlockKind::kToolCall) {
    return true;
  }
  const bool nothing_more = all || block.closed;
  if (block.name.empty()) {
    return nothing_more ? Result<bool>(Malformed("tool call name")) : false;
  }
  if (block.id.empty()) {
    if (!nothing_more && block.text.empty()) {
      return false;  // it may still come
    }
    block.id = MadeId("call_", writer_.answer().id) + "_" + std::to_string(block.key);
  }
  return true;
}

bool BlockSequencer::IsWhole(const Pending& block) const {
  if (block.kind != BlockKind::kToolCall) {
    return block.closed || pending_.size() > 1;
  }
  // Arguments that stop short are right only if a length limit cut them: known at the end.
  return block.scan.complete() || (block.closed && block.text.empty());
}

Status BlockSequencer::Advance(bool all, bool cut) {
  while (!pending_.empty()) {
    Pending& block = pending_.front();
    RELIABILITY_ASSIGN_OR_RETURN(const bool ready, CanOpen(block, all));
    if (!ready) {
      return {};
    }
    const bool tool = block.kind == BlockKind::kToolCall;
    const bool done = all || IsWhole(block);
    if (tool && done && block.text.empty()) {
      block.text = "{}";  // a call without arguments; clients parse the text
      buffered_ += block.text.size();
    }
    Send(block);
    if (!done) {
      return {};
    }
    if (tool) {
      RELIABILITY_TRY(CheckArguments(block, cut));
      done_.insert(block.key);
    }
    writer_.Close();
    buffered_ -= block.text.size();
    pending_.pop_front();
  }
  return {};
}

}  // namespace reliability::sidecar::translate
