#include "libs/sidecar_config/object_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::sidecar_config {

using nlohmann::json;

void ReadContext::Fail(const std::string& path, std::string_view reason) {
  if (error.empty()) {
    error = (path.empty() ? std::string("document") : path) + ": " + std::string(reason);
  }
}

ObjectReader::ObjectReader(const json& value, std::string path, ReadContext& context)
    : value_(value), path_(std::move(path)), context_(context) {
  if (!value_.is_object()) {
    context_.Fail(path_, "expected an object");
  }
}

std::string ObjectReader::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

bool ObjectReader::Has(const char* name) const {
  return value_.is_object() && value_.contains(name);
}

void ObjectReader::Require(const char* name) {
  if (!Has(name)) {
    context_.Fail(PathOf(name), "required");
  }
}

const json* ObjectReader::Take(const char* name) {
  if (!value_.is_object()) {
    return nullptr;
  }
  known_.emplace_back(name);
  if (context_.asked != nullptr) {
    context_.asked->insert(PathOf(name));
  }
  const auto found = value_.find(name);
  return found == value_.end() ? nullptr : &*found;
}

const json* ObjectReader::TakeArray(const char* name) {
  const json* value = Take(name);
  if (value != nullptr && !value->is_array()) {
    context_.Fail(PathOf(name), "expected an array");
    return nullptr;
  }
  return value;
}

bool ObjectReader::String(const char* name, std::string& out) {
  const json* value = Take(name);
  if (value == nullptr) {
    return false;
  }
  const auto* text = value->get_ptr<const json::string_t*>();
  if (text == nullptr) {
    context_.Fail(PathOf(name), "expected a string");
    return false;
  }
  out = *text;
  return true;
}

bool ObjectReader::Bool(const char* name, bool& out) {
  const json* value = Take(name);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_boolean()) {
    context_.Fail(PathOf(name), "expected true or false");
    return false;
  }
  out = *value->get_ptr<const json::boolean_t*>();
  return true;
}

bool ObjectReader::Uint64(const char* name, std::uint64_t& out) {
  const json* value = Take(name);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_number_unsigned()) {
    context_.Fail(PathOf(name), "expected an integer >= 0");
    return false;
  }
  out = *value->get_ptr<const json::number_unsigned_t*>();
  return true;
}

bool ObjectReader::Int64(const char* name, std::int64_t& out) {
  const json* value = Take(name);
  if (value == nullptr) {
    return false;
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value->is_number_unsigned() && *value->get_ptr<const json::number_unsigned_t*>() <= kMax) {
    out = static_cast<std::int64_t>(*value->get_ptr<const json::number_unsigned_t*>());
    return true;
  }
  if (value->is_number_integer() && !value->is_number_unsigned()) {
    out = *value->get_ptr<const json::number_integer_t*>();
    return true;
  }
  context_.Fail(PathOf(name), "expected an integer");
  return false;
}

bool ObjectReader::Int(const char* name, int& out) {
  std::int64_t wide = 0;
  if (!Int64(name, wide)) {
    return false;
  }
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
    context_.Fail(PathOf(name), "out of range");
    return false;
  }
  out = static_cast<int>(wide);
  return true;
}

bool ObjectReader::Ms(const char* name, Milliseconds& out) {
  std::int64_t ms = 0;
  if (!Int64(name, ms)) {
    return false;
  }
  // A century: sums of these never overflow.
  if (ms < 0 || ms > 3'155'760'000'000) {
    context_.Fail(PathOf(name), "out of range");
    return false;
  }
  out = Milliseconds{ms};
  return true;
}

bool ObjectReader::Time(const char* name, std::optional<SystemTime>& out) {
  std::string text;
  if (!String(name, text)) {
    return false;
  }
  const auto time = ParseRfc3339(text);
  if (!time) {
    context_.Fail(PathOf(name), "expected an RFC 3339 time");
    return false;
  }
  out = *time;
  return true;
}

bool ObjectReader::Ratio(const char* name, double& out) {
  std::string text;
  if (!String(name, text)) {
    return false;
  }
  double value = 0.0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (text.empty() || text.front() == '-' || failure != std::errc{} ||
      end != text.data() + text.size() || !(value <= 1e18)) {
    context_.Fail(PathOf(name), "expected a decimal number as a string");
    return false;
  }
  out = value;
  return true;
}

bool ObjectReader::Strings(const char* name, std::vector<std::string>& out) {
  const json* value = TakeArray(name);
  if (value == nullptr) {
    return false;
  }
  out.clear();
  for (std::size_t i = 0; i < value->size(); ++i) {
    const auto* text = (*value)[i].get_ptr<const json::string_t*>();
    if (text == nullptr) {
      context_.Fail(PathOf(name) + "[" + std::to_string(i) + "]", "expected a string");
      return false;
    }
    out.push_back(*text);
  }
  return true;
}

void ObjectReader::Finish() {
  if (!value_.is_object() || value_.size() == 0) {
    return;
  }
  for (auto it = value_.begin(); it != value_.end(); ++it) {
    if (std::find(known_.begin(), known_.end(), it.key()) != known_.end()) {
      continue;
    }
    if (context_.newer_minor) {
      ++context_.ignored_fields;
      if (context_.ignored_names.size() < kMaxIgnoredNames) {
        context_.ignored_names.push_back(PathOf(it.key()));
      }
    } else {
      context_.Fail(PathOf(it.key()), "unknown field");
    }
  }
}

Result<json> ParseObject(std::string_view text) {
  if (text.size() > kMaxDocumentBytes) {
    return Fail(Code::kInvalid, "document: larger than 1 MiB");
  }
  std::vector<std::set<std::string>> keys;
  std::string duplicate;
  const json::parser_callback_t watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == json::parse_event_t::key && duplicate.empty() &&
               !keys.back().insert(*parsed.get_ptr<const json::string_t*>()).second) {
      duplicate = *parsed.get_ptr<const json::string_t*>();
    }
    return true;
  };
  json document = json::parse(text, watch, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return Fail(Code::kInvalid, "document: not JSON");
  }
  if (!duplicate.empty()) {
    return Fail(Code::kInvalid, "document: key \"" + duplicate + "\" stands twice in one object");
  }
  if (!document.is_object()) {
    return Fail(Code::kInvalid, "document: expected an object");
  }
  return document;
}

Result<json> ParseDocument(std::string_view text, ReadContext& context, int& major, int& minor) {
  RELIABILITY_ASSIGN_OR_RETURN(json document, ParseObject(text));
  const auto schema = document.find("schema");
  if (schema == document.end() || !schema->is_string()) {
    return Fail(Code::kInvalid, "schema: expected \"major.minor\"");
  }
  const auto& version = *schema->get_ptr<const json::string_t*>();
  const auto parts = Split(version, '.');
  const auto first = ParseUint(parts[0]);
  const auto second = parts.size() == 2 ? ParseUint(parts[1]) : std::nullopt;
  if (!first || !second || *first > 1000 || *second > 1000) {
    return Fail(Code::kInvalid, "schema: expected \"major.minor\"");
  }
  if (*first != static_cast<std::uint64_t>(kSchemaMajor)) {
    return Fail(Code::kInvalid, "schema: version " + version + " is not supported, this is " +
                                    std::to_string(kSchemaMajor) + "." +
                                    std::to_string(kSchemaMinor));
  }
  major = static_cast<int>(*first);
  minor = static_cast<int>(*second);
  context.newer_minor = minor > kSchemaMinor;
  return document;
}

}  // namespace reliability::sidecar_config
