#include "sidecar/translate/json.h"

#include <algorithm>
#include <unordered_set>

namespace reliability::sidecar::translate {
namespace {

constexpr std::size_t kMinCapacity = 4096;
constexpr std::size_t kMaxNamedValue = 80;  // of a caller's text in a message

template <class T>
std::optional<T> Get(std::optional<JsonElement> element) {
  T value{};
  if (!element || element->get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return value;
}

bool KeysDiffer(JsonObject object) {
  std::unordered_set<std::string_view> keys;
  for (const auto field : object) {
    if (!keys.insert(field.key).second) {
      return false;
    }
  }
  return true;
}

Status Prefixed(const std::string& prefix, Status status) {
  if (!status) {
    status.error().message.insert(0, prefix + ".");
  }
  return status;
}

}  // namespace

Result<JsonElement> JsonParser::Parse(std::string_view text) {
  if (parser_.capacity() < text.size() || parser_.capacity() == 0) {
    const std::size_t wanted = std::max(text.size(), kMinCapacity);
    if (parser_.allocate(wanted, kMaxJsonDepth) != simdjson::SUCCESS) {
      return Fail(Code::kExhausted, "no memory for a JSON text of " + std::to_string(wanted));
    }
  }
  JsonElement element;
  const simdjson::error_code error = parser_.parse(text.data(), text.size(), true).get(element);
  if (error != simdjson::SUCCESS) {
    return Fail(Code::kInvalid, std::string("not JSON: ") + simdjson::error_message(error));
  }
  return element;
}

Result<Fields> Fields::Of(JsonElement element, std::string_view name) {
  JsonObject object;
  if (element.get(object) != simdjson::SUCCESS) {
    return Malformed(name);
  }
  if (!KeysDiffer(object)) {
    return Fail(Code::kInvalid, std::string(name) + " has a key twice");
  }
  return Fields(object);
}

Result<Fields> Fields::Child(std::string_view key) const {
  const auto element = Find(key);
  return element ? Of(*element, key) : Fields();
}

std::optional<JsonElement> Fields::Find(std::string_view key) const {
  JsonElement element;
  if (!object_ || object_->at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) {
    return std::nullopt;
  }
  return element;
}

std::optional<std::string_view> Fields::Text(std::string_view key) const {
  return Get<std::string_view>(Find(key));
}

std::string_view Fields::TextOr(std::string_view key, std::string_view other) const {
  return Text(key).value_or(other);
}

std::optional<std::int64_t> Fields::Int(std::string_view key) const {
  return Get<std::int64_t>(Find(key));
}

std::optional<double> Fields::Number(std::string_view key) const { return Get<double>(Find(key)); }

std::optional<bool> Fields::Bool(std::string_view key) const { return Get<bool>(Find(key)); }

std::optional<JsonArray> Fields::List(std::string_view key) const {
  return Get<JsonArray>(Find(key));
}

std::optional<std::string_view> TextOf(JsonElement element) {
  return Get<std::string_view>(element);
}

std::optional<JsonArray> ListOf(JsonElement element) { return Get<JsonArray>(element); }

bool IsObject(JsonElement element) { return element.is_object(); }

std::string ToJson(JsonElement element) { return simdjson::minify(element); }

tl::unexpected<Error> Untranslatable(std::string_view field, std::string_view value) {
  std::string message(field);
  if (!value.empty()) {
    message.append(": ").append(value.substr(0, kMaxNamedValue));
  }
  return Fail(Code::kUnsupported, std::move(message));
}

tl::unexpected<Error> Malformed(std::string_view field) {
  return Fail(Code::kInvalid, std::string(field) + " is not what the API defines");
}

Status In(std::string_view list, std::size_t index, Status status) {
  return Prefixed(std::string(list) + "[" + std::to_string(index) + "]", std::move(status));
}

Status In(std::string_view object, Status status) {
  return Prefixed(std::string(object), std::move(status));
}

}  // namespace reliability::sidecar::translate
