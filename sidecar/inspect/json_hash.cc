#include "sidecar/inspect/json_hash.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sidecar/inspect/json_reader.h"
#include "sidecar/inspect/mix.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr int kMaxDepth = 64;

// One number has one hash, however it is spelled.
std::optional<std::uint64_t> HashNumber(JsonValue value) {
  const std::string_view token = value.raw_json_token();
  simdjson::ondemand::number number;
  if (value.get_number().get(number) != simdjson::SUCCESS) {
    // Larger than 64 bits: its digits.
    return Mix(Tag::kNumber, Digest(token.substr(0, token.find_last_not_of(" \t\r\n") + 1)));
  }
  switch (number.get_number_type()) {
    case simdjson::ondemand::number_type::signed_integer:
      return Mix(Tag::kNumber, static_cast<std::uint64_t>(number.get_int64()));
    case simdjson::ondemand::number_type::unsigned_integer:
      return Mix(Tag::kNumber, number.get_uint64());
    case simdjson::ondemand::number_type::floating_point_number:
      break;
  }
  const double real = number.get_double();
  if (std::abs(real) < 0x1.0p53 && real == std::trunc(real)) {
    return Mix(Tag::kNumber, static_cast<std::uint64_t>(static_cast<std::int64_t>(real)));
  }
  std::uint64_t bits = 0;
  static_assert(sizeof bits == sizeof real);
  std::copy_n(reinterpret_cast<const char*>(&real), sizeof real, reinterpret_cast<char*>(&bits));
  return Mix(Tag::kNumber, Mix(Tag::kReal, bits));
}

}  // namespace

std::optional<std::uint64_t> HashValue(JsonValue value, std::span<const std::string_view> skip,
                                       int depth) {
  JsonType type{};
  if (depth > kMaxDepth || value.type().get(type) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  switch (type) {
    case JsonType::object: {
      std::uint64_t sum = 0;  // a sum does not depend on the order of keys
      const bool read = EachField(value, [&](std::string_view key, JsonValue field) {
        if (std::find(skip.begin(), skip.end(), key) != skip.end()) {
          return true;
        }
        const std::uint64_t name = Digest(key);
        const auto hash = HashValue(field, skip, depth + 1);
        sum += hash ? Mix(Mix(Tag::kField, name), *hash) : 0;
        return hash.has_value();
      });
      return read ? std::optional(Mix(Tag::kObject, sum)) : std::nullopt;
    }
    case JsonType::array: {
      std::uint64_t chain = Mix(Tag::kArray, 0);
      const bool read = EachElement(value, [&](JsonValue element) {
        const auto hash = HashValue(element, skip, depth + 1);
        chain = hash ? Mix(chain, *hash) : chain;
        return hash.has_value();
      });
      return read ? std::optional(chain) : std::nullopt;
    }
    case JsonType::string: {
      const auto text = AsString(value);
      return text ? std::optional(Mix(Tag::kString, Digest(*text))) : std::nullopt;
    }
    case JsonType::number:
      return HashNumber(value);
    case JsonType::boolean: {
      bool flag = false;
      return value.get_bool().get(flag) == simdjson::SUCCESS
                 ? std::optional(Mix(Tag::kBool, flag ? 1U : 0U))
                 : std::nullopt;
    }
    case JsonType::null: {
      bool null = false;  // the type is told by the first letter only
      return value.is_null().get(null) == simdjson::SUCCESS && null
                 ? std::optional(Mix(Tag::kNull, 0))
                 : std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> JsonHash(std::string_view json) {
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    json = "{}";
  }
  // Inside an array every type is a value to on-demand, scalars too.
  std::string wrapped;
  wrapped.reserve(json.size() + 2);
  wrapped.append("[").append(json).append("]");
  std::optional<std::uint64_t> hash;
  int values = 0;
  const bool read = WithJson(wrapped, [&](simdjson::ondemand::document& document) {
    JsonArray array;
    if (document.get_array().get(array) != simdjson::SUCCESS) {
      return false;
    }
    for (auto entry : array) {
      JsonValue value;
      if (++values > 1 || entry.get(value) != simdjson::SUCCESS) {
        return false;
      }
      hash = HashValue(value, {});
      if (!hash) {
        return false;
      }
    }
    return true;
  });
  return read && values == 1 ? hash : std::nullopt;
}

}  // namespace reliability::sidecar::inspect
