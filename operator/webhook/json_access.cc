#include "operator/webhook/json_access.h"

#include <algorithm>

namespace reliability::webhook {

const Json& Member(const Json& object, std::string_view name) {
  static const Json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  const auto it = object.find(name);
  return it == object.end() ? kNull : *it;
}

std::string_view Text(const Json& object, std::string_view name) {
  const Json& member = Member(object, name);
  const auto* text = member.get_ptr<const std::string*>();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

const Json& List(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::array();
  const Json& member = Member(object, name);
  return member.is_array() ? member : kEmpty;
}

bool True(const Json& object, std::string_view name) {
  const auto* value = Member(object, name).get_ptr<const bool*>();
  return value != nullptr && *value;
}

std::size_t Depth(std::string_view json) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      i += c == '\\' ? 1 : 0;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
    }
  }
  return deepest;
}

}  // namespace reliability::webhook
