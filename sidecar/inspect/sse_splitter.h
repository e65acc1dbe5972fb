#pragma once
// Splits an event stream, fed in pieces of any size, into events. Pure, incremental.
//
// Line ends \n, \r\n and \r; a byte order mark at the start; comments and unknown fields are
// skipped; several `data` lines join with \n. An event larger than the limit is dropped and
// counted.
#include <cstdint>
#include <string>
#include <string_view>

namespace reliability::sidecar::inspect {

class SseSplitter {
 public:
  struct Event {
    std::string_view type;  // empty = "message"
    std::string_view data;  // valid until the sink returns
    bool has_id = false;
  };

  explicit SseSplitter(std::size_t max_event_bytes = 1U << 20U) : max_bytes_(max_event_bytes) {}

  // Calls `sink(const Event&)` for each complete event that has data.
  template <class Sink>
  void Feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      bytes = Take(bytes);
      if (ready_) {
        ready_ = false;
        sink(Event{type_, data_, has_id_});
        Reset();
      }
    }
  }

  [[nodiscard]] int oversized() const { return oversized_; }
  // Bytes of an event that did not end yet.
  [[nodiscard]] bool mid_event() const { return has_data_ || line_bytes_ > 0; }

 private:
  // Consumes bytes up to and including one line end; returns the rest.
  std::string_view Take(std::string_view bytes);
  void EndLine();
  void Reset();

  const std::size_t max_bytes_;
  std::string line_;
  std::string type_;
  std::string data_;
  std::size_t line_bytes_ = 0;  // of the running line, kept or not
  bool has_data_ = false;
  bool has_id_ = false;
  bool ready_ = false;
  bool after_cr_ = false;
  bool first_line_ = true;
  bool skip_event_ = false;
  int oversized_ = 0;
};

}  // namespace reliability::sidecar::inspect
