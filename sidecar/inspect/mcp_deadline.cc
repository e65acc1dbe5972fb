#include "sidecar/inspect/mcp_deadline.h"

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::string_view kMeta = "_meta";
constexpr std::string_view kDeadline = "agentreliability.dev/deadline-ms";

// An object and what may be written into it.
struct Object {
  int times = 0;  // it stands so often under its name
  bool is_object = false;
  bool empty = true;
  std::size_t at = 0;

  void Take(JsonValue value) {
    ++times;
    is_object = IsType(value, JsonType::kObject);
    at = OffsetOf(value);
  }
  [[nodiscard]] bool Takes() const { return times == 1 && is_object; }
};

struct Found {
  Object params;
  Object meta;
  int deadlines = 0;
  std::size_t at = 0;  // of the deadline's value
  std::size_t size = 0;
};

bool ReadMeta(JsonValue meta, Found& found) {
  return EachField(meta, [&](JsonKey key, JsonValue value) {
    found.meta.empty = false;
    if (key == kDeadline) {
      ++found.deadlines;
      found.at = OffsetOf(value);
      found.size = RawText(value).size();
    }
    return true;
  });
}

bool ReadParams(JsonValue params, Found& found) {
  return EachField(params, [&](JsonKey key, JsonValue value) {
    found.params.empty = false;
    if (key != kMeta) {
      return true;
    }
    found.meta.Take(value);
    return ReadMeta(value, found);
  });
}

// `text` as the first field of `object`.
std::string Inserted(std::string_view body, const Object& object, const std::string& text) {
  std::string out;
  out.reserve(body.size() + text.size() + 1);
  out += body.substr(0, object.at + 1);
  out += text;
  out += object.empty ? "" : ",";
  out += body.substr(object.at + 1);
  return out;
}

}  // namespace

std::optional<std::string> WithDeadline(std::string_view body, std::int64_t ms) {
  Found found;
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key != "params") {
        return true;
      }
      found.params.Take(value);
      return ReadParams(value, found);
    });
  });
  if (!read || !found.params.Takes() || (found.meta.times > 0 && !found.meta.Takes()) ||
      found.deadlines > 1) {
    return std::nullopt;
  }
  const std::string number = std::to_string(ms);
  if (found.deadlines == 1) {
    std::string out(body.substr(0, found.at));
    out += number;
    out += body.substr(found.at + found.size);
    return out;
  }
  const std::string field = "\"" + std::string(kDeadline) + "\":" + number;
  return found.meta.times == 1
             ? Inserted(body, found.meta, field)
             : Inserted(body, found.params, "\"" + std::string(kMeta) + "\":{" + field + "}");
}

}  // namespace reliability::sidecar::inspect
