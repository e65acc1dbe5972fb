#pragma once
// Bytes of a watch -> events; no I/O. Borders of chunks may fall anywhere.
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::kube {

enum class WatchType { kAdded, kModified, kDeleted, kBookmark };

struct WatchEvent {
  WatchType type = WatchType::kAdded;
  // The raw object, followed by at least 64 readable bytes; valid during the callback only.
  std::string_view object;
};

using WatchCallback = std::function<void(const WatchEvent& event)>;

// Not thread-safe; one per stream.
class WatchEventDecoder {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{10} << 20U;

  explicit WatchEventDecoder(std::size_t max_event_bytes = kMaxEventBytes)
      : max_event_bytes_(max_event_bytes) {}

  // Calls back for each event completed by `chunk`. After an error the stream is useless:
  //   an ERROR event becomes the error of its Status (410 -> kExpired),
  //   kExhausted: an event above the limit; kInvalid: not a watch event.
  [[nodiscard]] Status Feed(std::string_view chunk, const WatchCallback& on_event);

  // At the end of the stream: kUnavailable if it was cut inside an event.
  [[nodiscard]] Status Finish() const;

 private:
  [[nodiscard]] Status DecodeLine(std::string_view line, const WatchCallback& on_event) const;

  std::size_t max_event_bytes_;
  std::string buffer_;       // an incomplete line
  std::size_t scanned_ = 0;  // bytes of buffer_ known to hold no line end
};

}  // namespace reliability::kube
