#include "libs/kube/core/watch_event_decoder.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "libs/kube/core/status.h"

namespace reliability::kube {
namespace {

using simdjson::SUCCESS;

constexpr std::size_t kKeptCapacity = std::size_t{1} << 20U;

std::optional<WatchType> TypeOf(std::string_view text) {
  if (text == "ADDED") {
    return WatchType::kAdded;
  }
  if (text == "MODIFIED") {
    return WatchType::kModified;
  }
  if (text == "DELETED") {
    return WatchType::kDeleted;
  }
  if (text == "BOOKMARK") {
    return WatchType::kBookmark;
  }
  return std::nullopt;
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Status WatchEventDecoder::Feed(std::string_view chunk, const WatchCallback& on_event) {
  // Room behind the text, so that each line may be parsed where it lies.
  buffer_.reserve(buffer_.size() + chunk.size() + simdjson::SIMDJSON_PADDING);
  buffer_.append(chunk);
  const std::string_view text = buffer_;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find('\n', std::max(begin, scanned_));
    if (end == std::string_view::npos) {
      break;
    }
    const std::string_view line = text.substr(begin, end - begin);
    if (line.size() > max_event_bytes_) {
      return Fail(Code::kExhausted, "watch event of " + std::to_string(line.size()) +
                                        " bytes is above the limit of " +
                                        std::to_string(max_event_bytes_));
    }
    if (!IsBlank(line)) {
      RELIABILITY_TRY(DecodeLine(line, on_event));
    }
    begin = end + 1;
  }
  buffer_.erase(0, begin);
  scanned_ = buffer_.size();
  if (buffer_.size() > max_event_bytes_) {
    return Fail(Code::kExhausted,
                "watch event is above the limit of " + std::to_string(max_event_bytes_) + " bytes");
  }
  if (buffer_.capacity() > kKeptCapacity && buffer_.size() < kKeptCapacity / 2) {
    buffer_.shrink_to_fit();
  }
  return {};
}

Status WatchEventDecoder::Finish() const {
  if (!IsBlank(buffer_)) {
    return Fail(Code::kUnavailable, "watch was cut inside an event");
  }
  return {};
}

Status WatchEventDecoder::DecodeLine(std::string_view line, const WatchCallback& on_event) const {
  thread_local simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object event;
  const simdjson::padded_string_view padded(line.data(), line.size(),
                                            line.size() + simdjson::SIMDJSON_PADDING);
  if (parser.iterate(padded).get(document) != SUCCESS ||
      document.get_object().get(event) != SUCCESS) {
    return Fail(Code::kInvalid, "not a watch event: no JSON object");
  }
  std::string type;
  std::string_view object;
  for (auto member : event) {
    simdjson::ondemand::field item;
    if (std::move(member).get(item) != SUCCESS) {
      return Fail(Code::kInvalid, "not a watch event: broken JSON");
    }
    std::string_view text;
    simdjson::ondemand::object value;
    if (item.key() == "type" && item.value().get_string().get(text) == SUCCESS) {
      type = text;
    } else if (item.key() == "object") {
      if (item.value().get_object().get(value) != SUCCESS ||
          value.raw_json().get(object) != SUCCESS) {
        return Fail(Code::kInvalid, "not a watch event: unreadable object");
      }
    }
  }
  if (object.empty()) {
    return Fail(Code::kInvalid, "not a watch event: no object");
  }
  if (type == "ERROR") {
    return Fail(ErrorFromStatusObject(object));
  }
  const std::optional<WatchType> known = TypeOf(type);
  if (!known.has_value()) {
    return Fail(Code::kInvalid, "unknown watch event type " + type);
  }
  on_event(WatchEvent{*known, object});
  return {};
}

}  // namespace reliability::kube
