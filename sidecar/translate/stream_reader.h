#pragma once
// Reads a tier's event stream, event by event. Internal: stream_translator.h owns it.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/policy/classifier.h"
#include "sidecar/inspect/sse_splitter.h"
#include "sidecar/translate/answer.h"
#include "sidecar/translate/block_sequencer.h"

namespace reliability::sidecar::translate {

class StreamReader {
 public:
  // `writer` outlives this; it is started when the tier named itself, unless somebody did already.
  StreamReader(Format tier, Origin origin, StreamWriter& writer);

  // kInvalid: this stream cannot be shown as an answer any more. An event that is no JSON is
  // dropped and counted, except inside a tool call.
  [[nodiscard]] Status OnEvent(const inspect::SseSplitter::Event& event);
  // What waits goes out; `finish` and `usage` are then final.
  [[nodiscard]] Status Flush();

  [[nodiscard]] bool terminal() const { return terminal_; }  // [DONE], message_stop
  [[nodiscard]] Finish finish() const { return finish_; }
  [[nodiscard]] const Usage& usage() const { return usage_; }
  [[nodiscard]] const Answer& head() const { return head_; }
  [[nodiscard]] int malformed() const { return malformed_; }
  [[nodiscard]] const std::optional<policy::ProviderError>& error() const { return error_; }
  // Only text was seen so far: no tool call, refusal or thought.
  [[nodiscard]] bool only_text() const { return only_text_shown() && !thought_; }
  // The same of what a translation shows: it drops thoughts.
  [[nodiscard]] bool only_text_shown() const {
    return only_text_ && !sequencer_.saw_tool_call() && blocks_match();
  }
  // kResponses: no item has begun without a word: nobody could finish it.
  [[nodiscard]] bool blocks_match() const {
    return tier_ != Format::kResponses || item_ids_.size() == writer_.blocks();
  }
  [[nodiscard]] bool saw_tool_call() const { return sequencer_.saw_tool_call(); }
  // kMessages, kResponses: the tier's own number of its last block, -1 before the first.
  [[nodiscard]] std::int64_t last_index() const { return last_index_; }
  // kResponses: the items that became blocks, in their order, and the number of the last event.
  [[nodiscard]] const std::vector<std::string>& item_ids() const { return item_ids_; }
  [[nodiscard]] std::int64_t last_sequence() const { return last_sequence_; }
  // kResponses: the stream broke off between items, the last one whole: takes that for the end,
  // because only the terminal event would say so, and it is missing.
  void EndBetweenItems();

 private:
  void Begin(const Fields& head);
  void EnsureStarted();
  [[nodiscard]] Status OnChatEvent(std::string_view data);
  [[nodiscard]] Status OnChatDelta(const Fields& delta);
  [[nodiscard]] Status OnChatToolCall(const Fields& call, std::int64_t position);
  [[nodiscard]] Status OnMessagesEvent(std::string_view data);
  [[nodiscard]] Status OnMessageStart(const Fields& event);
  [[nodiscard]] Status OnBlockStart(const Fields& event);
  [[nodiscard]] Status OnBlockDelta(const Fields& event);
  [[nodiscard]] Status OnBlockStop(const Fields& event);
  [[nodiscard]] Status OnMessageDelta(const Fields& event);
  [[nodiscard]] Status OnResponsesEvent(std::string_view data);
  [[nodiscard]] Status OnItemAdded(const Fields& event);
  [[nodiscard]] Status OnItemDone(const Fields& event);
  [[nodiscard]] Status OnResponseEnded(const Fields& event, std::string_view type);
  [[nodiscard]] Status ProviderFailed(std::string_view data);

  const Format tier_;
  StreamWriter& writer_;
  BlockSequencer sequencer_;
  JsonParser parser_;
  Answer head_;  // id, model, created
  Finish finish_ = Finish::kNone;
  Usage usage_;
  int malformed_ = 0;
  bool terminal_ = false;
  bool begun_ = false;
  bool only_text_ = true;
  bool thought_ = false;  // kMessages: a block came that no other API has
  std::int64_t last_index_ = -1;
  std::optional<policy::ProviderError> error_;
  // kChat: the call that an index stands for now; some servers give every call index 0.
  struct Call {
    std::int64_t key = 0;
    std::string id;
  };
  std::map<std::int64_t, Call> calls_;
  std::int64_t next_key_ = 0;
  std::set<std::int64_t> ignored_;  // blocks that nobody gets
  std::vector<std::string> item_ids_;
  std::int64_t last_sequence_ = -1;
  bool between_items_ = false;
};

}  // namespace reliability::sidecar::translate
