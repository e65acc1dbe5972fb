#pragma once
// Cuts an event stream at the ends of its events, in pieces of any size, so that each event can be
// judged before it is passed on. Copies only events that come in several pieces. Pure.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace reliability::sidecar::inspect {

class EventGate {
 public:
  static constexpr std::size_t kMaxEvent = std::size_t{1} << 20U;

  // `keep(event) -> bool` for each whole event with its blank line; returns the bytes to pass on:
  // the events that were kept, joined. Valid until the next call. An event beyond kMaxEvent is
  // passed on unjudged, in pieces.
  template <class Keep>
  std::string_view Feed(std::string_view bytes, Keep&& keep) {
    passed_.clear();
    const bool direct = partial_.empty();
    if (!direct) {
      partial_ += bytes;
    }
    std::string_view text = direct ? bytes : std::string_view(partial_);
    const std::string_view all = text;
    std::size_t run = 0;  // bytes at the front of `all` that were kept without a gap
    bool gap = false;
    while (const std::size_t size = EventSize(text)) {
      const std::string_view event = text.substr(0, size);
      text.remove_prefix(size);
      if (!keep(event)) {
        if (!gap) {
          passed_ = all.substr(0, run);
          gap = true;
        }
      } else if (gap) {
        passed_ += event;
      } else {
        run += size;
      }
    }
    std::string rest;
    if (text.size() > kMaxEvent) {
      (void)keep(text);
      if (!gap) {
        passed_ = all.substr(0, run);
        gap = true;
      }
      passed_ += text;
    } else {
      rest = text;
    }
    if (direct && !gap) {
      partial_ = std::move(rest);
      return all.substr(0, run);
    }
    if (!gap) {
      passed_ = all.substr(0, run);
    }
    partial_ = std::move(rest);
    return passed_;
  }
  // An event without its blank line: the stream ended.
  [[nodiscard]] std::string TakeRest() { return std::exchange(partial_, {}); }

 private:
  // Bytes up to and including the first blank line; 0 = it has not come.
  [[nodiscard]] static std::size_t EventSize(std::string_view text);

  std::string partial_;
  std::string passed_;
};

}  // namespace reliability::sidecar::inspect
