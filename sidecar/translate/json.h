#pragma once
// simdjson's DOM with the limits of this folder: depth, no key twice where a field is read, errors
// as values. Internal; included by the .cc files and internal headers of this folder only.
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::sidecar::translate {

using JsonElement = simdjson::dom::element;
using JsonArray = simdjson::dom::array;
using JsonObject = simdjson::dom::object;

inline constexpr std::size_t kMaxJsonDepth = 64;

// Reuses its buffers. Not thread-safe.
class JsonParser {
 public:
  // kInvalid: not JSON, not UTF-8, deeper than kMaxJsonDepth, or an integer beyond 64 bits. The
  // element and all views of it live until the next Parse.
  [[nodiscard]] Result<JsonElement> Parse(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

// One JSON object whose keys were checked to be different: two readers could otherwise see two
// requests. null counts as absent, as in all three APIs. A getter gives nothing for another type.
class Fields {
 public:
  // kInvalid: `element` is no object, or has a key twice. `name` is for the message.
  [[nodiscard]] static Result<Fields> Of(JsonElement element, std::string_view name);
  // An absent or null field reads as an empty object.
  [[nodiscard]] Result<Fields> Child(std::string_view key) const;

  [[nodiscard]] std::optional<JsonElement> Find(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> Text(std::string_view key) const;
  [[nodiscard]] std::string_view TextOr(std::string_view key, std::string_view other) const;
  [[nodiscard]] std::optional<std::int64_t> Int(std::string_view key) const;
  [[nodiscard]] std::optional<double> Number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> Bool(std::string_view key) const;
  [[nodiscard]] bool IsTrue(std::string_view key) const { return Bool(key).value_or(false); }
  [[nodiscard]] std::optional<JsonArray> List(std::string_view key) const;

 private:
  Fields() = default;
  explicit Fields(JsonObject object) : object_(object) {}

  std::optional<JsonObject> object_;
};

[[nodiscard]] std::optional<std::string_view> TextOf(JsonElement element);
[[nodiscard]] std::optional<JsonArray> ListOf(JsonElement element);
[[nodiscard]] bool IsObject(JsonElement element);
// Without whitespace, keys in their order.
[[nodiscard]] std::string ToJson(JsonElement element);

// The field has no counterpart: kUnsupported, the message begins with the field's path.
[[nodiscard]] tl::unexpected<Error> Untranslatable(std::string_view field,
                                                   std::string_view value = {});
// The field is not what its API defines: kInvalid, the message begins with the field's path.
[[nodiscard]] tl::unexpected<Error> Malformed(std::string_view field);
// Puts "messages[3]." before the path of an error.
[[nodiscard]] Status In(std::string_view list, std::size_t index, Status status);
[[nodiscard]] Status In(std::string_view object, Status status);

}  // namespace reliability::sidecar::translate
