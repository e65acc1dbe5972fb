#pragma once
// Writes an answer as the caller's event stream, block after block. Internal: stream_translator.h
// drives it. Not thread-safe.
//
// Order of calls: Start, then for each block Open, Delta*, Close, then Finish. Nothing after
// Finish or Error.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/inspect/error_body.h"
#include "sidecar/translate/answer.h"

namespace reliability::sidecar::translate {

// What the writers of the three formats share.
struct StreamContext {
  Caller caller{};
  Answer
      answer{};  // head and blocks so far; texts only for Responses, whose last event repeats them
  std::string out{};              // not yet taken
  std::int64_t sequence = 0;      // kResponses: of the next event
  std::int64_t index_offset = 0;  // of a block's number: others had blocks that are none here
  bool role_sent = false;         // kChat
};

// One format's events; each appends to context.out.
struct StreamEvents {
  void (*start)(StreamContext& context);
  void (*open)(StreamContext& context);  // of context.answer.blocks.back()
  void (*delta)(StreamContext& context, std::string_view text);
  void (*close)(StreamContext& context);
  void (*finish)(StreamContext& context);  // with the terminal event
};
extern const StreamEvents kChatEvents;
extern const StreamEvents kMessagesEvents;
extern const StreamEvents kResponsesEvents;

class StreamWriter {
 public:
  static constexpr std::size_t kMaxSaid = 256U << 10U;

  explicit StreamWriter(Caller caller);

  // `head`: id, model and created.
  void Start(const Answer& head);
  void Open(BlockKind kind, std::string_view id, std::string_view name);
  void Delta(std::string_view text);
  void Close();
  void Finish(translate::Finish finish, const Usage& usage);
  // The envelope of a stream that cannot go on; no terminal event (data-plane ruling 15).
  void Error(const inspect::ErrorReply& reply);

  // A text block of our own, closed.
  void Explain(std::string_view text);

  // From now on another tier is written, which must first repeat the text that the caller has; what
  // goes beyond it is sent, in the open block. Other words: diverged().
  void Resume();
  [[nodiscard]] bool diverged() const { return diverged_; }
  // All text so far is remembered.
  [[nodiscard]] bool can_resume() const { return !forgot_; }

  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool open() const { return open_; }  // a block is
  [[nodiscard]] const Answer& answer() const { return context_.answer; }
  [[nodiscard]] std::size_t blocks() const { return context_.answer.blocks.size(); }
  [[nodiscard]] std::string Take() { return std::exchange(context_.out, std::string()); }
  void set_model(std::string_view model) { context_.answer.model = model; }
  // The caller got another writer's events, whose last block had number `last_index`.
  void AdoptIndex(std::int64_t last_index);
  // kResponses: and these items and event numbers.
  void AdoptItems(const std::vector<std::string>& item_ids, std::int64_t last_sequence);

 private:
  // `text` without what the caller already has.
  [[nodiscard]] std::string_view Unrepeated(std::string_view text);

  StreamContext context_;
  const StreamEvents& events_;
  bool started_ = false;
  bool open_ = false;
  bool diverged_ = false;
  bool forgot_ = false;        // more than kMaxSaid was said
  std::string said_;           // all texts
  std::size_t to_repeat_ = 0;  // bytes at the end of said_ that the tier that resumes still owes
};

}  // namespace reliability::sidecar::translate
