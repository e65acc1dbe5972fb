#pragma once
// The turns that a TurnTracker knows, with all that is known of each: found by handle, by id and by
// the hash of their first messages, listed by age. A turn is one object in one place; what leads to
// it are numbers of places, so that opening and ending one takes no memory of its own.
//
// Pure. Memory is bounded. Event loop thread only. Turns stay where they are until they are erased.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/turn_record.h"

namespace reliability::policy {

using TurnHandle = std::uint64_t;  // 0 = no turn; never used again

struct Turn {
  struct ToolState {
    std::uint64_t call = 0;
    ErrorClass error_class = ErrorClass::kNone;
  };
  struct Pending {  // a tool call that the model asked for
    std::string name;
    std::uint64_t arguments_hash = 0;
    bool taken = false;
  };

  TurnHandle handle = 0;
  std::string id;
  std::uint64_t id_hash = 0;
  std::optional<std::uint64_t> prefix_hash;
  IdentitySource source = IdentitySource::kNone;
  bool resumed = false;
  MonotonicTime started;
  MonotonicTime deadline;
  Milliseconds reserve{0};
  MonotonicTime forget_at;  // ended at the deadline: continuations are recognised until then
  std::vector<std::uint64_t> stopping;  // calls that stop the clock, which they did at
  MonotonicTime stopped_at;
  int calls_in_flight = 0;
  int llm_calls = 0;
  int tool_calls = 0;
  bool cancelled = false;  // the agent left its last LLM call; a retry takes that back
  bool answered = false;
  bool templated = false;  // by a template instead of a model
  bool degraded = false;   // by another tier
  bool cut = false;        // its last answer broke off
  bool ended = false;
  MonotonicTime answered_at;
  std::optional<MonotonicTime> linger_until;  // named and concluded: ends then
  ErrorClass last_llm = ErrorClass::kNone;
  std::vector<std::uint64_t> issued_ids;  // hashes of tool-call ids, to clean the index
  std::vector<Pending> pending;
  std::map<std::string, ToolState, std::less<>> tools;  // by record name, last call of each

  // Nothing more is expected of it.
  [[nodiscard]] bool concluded() const { return answered || cut; }
  [[nodiscard]] bool named() const {
    return source == IdentitySource::kHeader || source == IdentitySource::kBaggage ||
           source == IdentitySource::kTrace;
  }
  // When its time is over if nothing stops the clock from `now` on.
  [[nodiscard]] MonotonicTime DeadlineAt(MonotonicTime now) const {
    return stopping.empty() ? deadline : deadline + (now - stopped_at);
  }
};

class TurnTable {
 public:
  static constexpr std::size_t kMaxTurns = 4096;

  TurnTable() { Clear(); }

  // A new turn, the youngest. Only while size() < kMaxTurns.
  Turn& Add(std::string id, std::optional<std::uint64_t> prefix_hash);
  void Erase(Turn& turn);
  void Clear();

  [[nodiscard]] Turn* Find(TurnHandle handle) {
    const std::size_t place = handle % kMaxTurns;
    return place < places_.size() && places_[place]->turn.handle == handle && handle != 0
               ? &places_[place]->turn
               : nullptr;
  }
  [[nodiscard]] const Turn* Find(TurnHandle handle) const {
    return const_cast<TurnTable*>(this)->Find(handle);
  }
  // The youngest of that id.
  [[nodiscard]] Turn* FindNamed(std::string_view id);
  [[nodiscard]] const Turn* FindNamed(std::string_view id) const;
  // Calls `found(turn)` for each that began with the same messages, until it says true.
  template <class Found>
  void EachOfPrefix(std::uint64_t hash, Found&& found) const {
    for (Place at = by_prefix_[hash % kMaxTurns]; at != kNone; at = places_[at]->prefix.next) {
      if (places_[at]->turn.prefix_hash == hash && found(places_[at]->turn)) {
        return;
      }
    }
  }
  // EachOfPrefix() does not find it any more.
  void ForgetPrefix(Turn& turn);

  // By age; nullptr = no more.
  [[nodiscard]] Turn* Oldest() const { return At(oldest_); }
  [[nodiscard]] Turn* Younger(const Turn& turn) const { return At(places_[Where(turn)]->younger); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  using Place = std::uint16_t;
  static constexpr Place kNone = 0xffff;
  static_assert(kMaxTurns < kNone);

  struct Link {
    Place next = kNone;
    Place previous = kNone;
  };
  struct Entry {
    Turn turn;
    Link id;
    Link prefix;
    bool has_prefix = false;  // in by_prefix_
    Place older = kNone;
    Place younger = kNone;  // of a free place: the next free one
  };
  using Index = std::array<Place, kMaxTurns>;  // place of the first, by hash

  [[nodiscard]] static Place Where(const Turn& turn) {
    return static_cast<Place>(turn.handle % kMaxTurns);
  }
  [[nodiscard]] Turn* At(Place place) const {
    return place == kNone ? nullptr : &places_[place]->turn;
  }
  void Insert(Index& index, std::uint64_t hash, Link Entry::* link, Place place);
  void Remove(Index& index, std::uint64_t hash, Link Entry::* link, Place place);

  std::vector<std::unique_ptr<Entry>> places_;
  Index by_id_{};
  Index by_prefix_{};
  std::uint64_t next_ = 1;
  std::size_t size_ = 0;
  Place free_ = kNone;
  Place oldest_ = kNone;
  Place youngest_ = kNone;
};

}  // namespace reliability::policy
