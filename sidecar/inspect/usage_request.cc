#include "sidecar/inspect/usage_request.h"

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::string_view kFlag = R"("include_usage":true)";

// A value's place in the body.
struct Place {
  std::size_t at = 0;
  std::size_t size = 0;
};

// What stands in stream_options.
struct Options {
  Place value;
  bool object = false;
  bool empty = true;
  Place flag;
  bool asked = false;
};

Place PlaceOf(JsonValue value) { return {OffsetOf(value), RawText(value).size()}; }

std::string Replaced(std::string_view body, const Place& place, std::string_view by) {
  std::string out(body.substr(0, place.at));
  out += by;
  out += body.substr(place.at + place.size);
  return out;
}

}  // namespace

std::optional<std::string> WithUsage(std::string_view body) {
  Options options;
  bool has_fields = false;
  const auto take_field = [&](JsonKey key, JsonValue value) {
    has_fields = true;
    if (key != "stream_options") {
      return true;
    }
    options.value = PlaceOf(value);
    options.object = IsType(value, JsonType::kObject);
    return EachField(value, [&](JsonKey name, JsonValue field) {
      options.empty = false;
      if (name == "include_usage") {
        options.flag = PlaceOf(field);
        options.asked = AsBool(field).value_or(false);
      }
      return true;
    });
  };
  const bool read =
      WithJson(body, [&](JsonDocument document) { return EachField(document, take_field); });
  const std::size_t brace = body.find('{');
  if (!read || !has_fields || options.asked || brace == std::string_view::npos) {
    return std::nullopt;
  }
  if (options.flag.size > 0) {
    return Replaced(body, options.flag, "true");
  }
  if (options.object) {
    const Place opening{options.value.at, 1};
    return Replaced(body, opening, "{" + std::string(kFlag) + (options.empty ? "" : ","));
  }
  const std::string whole = "{" + std::string(kFlag) + "}";
  if (options.value.size > 0) {
    return Replaced(body, options.value, whole);  // null
  }
  return Replaced(body, {brace, 1}, R"({"stream_options":)" + whole + ",");
}

}  // namespace reliability::sidecar::inspect
