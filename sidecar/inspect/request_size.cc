#include "sidecar/inspect/request_size.h"

#include <algorithm>
#include <array>

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr int kMaxDepth = 64;

// Types of content parts whose bytes are no text.
constexpr std::array<std::string_view, 9> kMedia = {"image",       "image_url", "input_image",
                                                    "input_audio", "audio",     "file",
                                                    "input_file",  "document",  "video"};
// Fields of a request that no model reads.
constexpr std::array<std::string_view, 5> kUnread = {"model", "metadata", "user", "stop",
                                                     "stop_sequences"};

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Weight {
  std::int64_t text = 0;
  std::int64_t media = 0;
};

bool Weigh(JsonValue value, int depth, Weight& out) {
  if (depth > kMaxDepth) {
    return false;
  }
  const JsonType type = TypeOf(value);
  if (type == JsonType::kString) {
    out.text += std::ssize(TextOf(value));
    return true;
  }
  if (type == JsonType::kArray) {
    return EachElement(value, [&](JsonValue item) { return Weigh(item, depth + 1, out); });
  }
  if (type != JsonType::kObject) {
    return type != JsonType::kNone;
  }
  Weight inside;
  bool media = false;
  const bool read = EachField(value, [&](JsonKey key, JsonValue field) {
    if (key == "type") {
      media = media || IsOneOf(kMedia, TextOf(field));
      return true;
    }
    return Weigh(field, depth + 1, inside);
  });
  out.text += media ? 0 : inside.text;
  out.media += media ? 1 : inside.media;
  return read;
}

}  // namespace

policy::RequestSize ReadRequestSize(std::string_view body) {
  policy::RequestSize size;
  Weight weight;
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "max_tokens" || key == "max_completion_tokens" || key == "max_output_tokens") {
        if (const auto most = AsInt(value); most.has_value() && *most > 0) {
          size.max_output = std::max(*most, size.max_output.value_or(0));
        }
      } else if (key == "n") {
        size.answers = AsInt(value).value_or(1);
      } else if (!IsOneOf(kUnread, key)) {
        return Weigh(value, 0, weight);
      }
      return true;
    });
  });
  size.text_bytes = read ? weight.text : std::ssize(body);
  size.media_parts = read ? weight.media : 0;
  return size;
}

}  // namespace reliability::sidecar::inspect
