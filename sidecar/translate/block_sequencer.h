#pragma once
// Brings the pieces of an answer into order: servers may mix the deltas of several tool calls, but
// clients get one block after the other. The block in front flows through; others wait until it is
// whole. Internal, one per stream.
//
// Every tool call's arguments are kept until they are whole and checked to be one JSON object: an
// SDK that ran a tool with half of them could not be called back.
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "sidecar/translate/json.h"
#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {

// Where a JSON object ends, without reading it. Fed in pieces.
class ObjectScan {
 public:
  void Feed(std::string_view text);
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool complete_ = false;
};

class BlockSequencer {
 public:
  static constexpr std::size_t kMaxBuffered = 8U << 20U;  // arguments and waiting texts
  static constexpr std::size_t kMaxBlocks = 1024;

  // `writer` is started and outlives this.
  explicit BlockSequencer(StreamWriter& writer) : writer_(writer) {}

  // kText or kRefusal.
  [[nodiscard]] Status Text(BlockKind kind, std::string_view text);
  void CloseText();  // the server ended this block; another may follow
  // `key` tells the server's calls apart. Name and id may come in a later call; an id that never
  // comes is made from `key`.
  [[nodiscard]] Status OpenTool(std::int64_t key, std::string_view id, std::string_view name);
  [[nodiscard]] Status Arguments(std::int64_t key, std::string_view text);
  [[nodiscard]] Status CloseTool(std::int64_t key);
  // The answer ended: everything that waits goes out. `cut` = by a length limit: arguments may stop
  // anywhere. kInvalid: arguments that are no JSON object, here and above.
  [[nodiscard]] Status Flush(bool cut);

  // A tool call has begun and is not whole.
  [[nodiscard]] bool in_tool_call() const;
  [[nodiscard]] bool saw_tool_call() const { return saw_tool_call_; }

 private:
  struct Pending {
    BlockKind kind = BlockKind::kText;
    std::int64_t key = 0;
    std::string id{};
    std::string name{};
    std::string text{};    // kToolCall: all arguments; else what was not sent
    std::size_t sent = 0;  // of `text`
    ObjectScan scan{};     // kToolCall
    bool open = false;     // at the writer
    bool closed = false;   // by the server
  };

  [[nodiscard]] Pending* Find(std::int64_t key);
  [[nodiscard]] Status Push(Pending block);
  [[nodiscard]] Status Buffer(Pending& block, std::string_view text);
  // Sends what may be sent. `all` = at the end of the answer.
  [[nodiscard]] Status Advance(bool all, bool cut);
  // A tool call opens once its name is known, and its id, or that none comes.
  [[nodiscard]] Result<bool> CanOpen(Pending& block, bool all) const;
  // The block in front needs nothing more.
  [[nodiscard]] bool IsWhole(const Pending& block) const;
  void Send(Pending& block);
  [[nodiscard]] Status CheckArguments(const Pending& block, bool cut);

  StreamWriter& writer_;
  JsonParser parser_;
  std::deque<Pending> pending_;
  std::set<std::int64_t> done_;  // keys of whole calls
  std::size_t buffered_ = 0;
  bool saw_tool_call_ = false;
};

}  // namespace reliability::sidecar::translate
