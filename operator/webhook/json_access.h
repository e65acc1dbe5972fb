#pragma once
// Reading JSON of unknown shape: nlohmann's own accessors throw on a wrong type, these do not.
// Pure.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace reliability::webhook {

using Json = nlohmann::json;

// The member, or null if `object` is no object or has none.
[[nodiscard]] const Json& Member(const Json& object, std::string_view name);
// The member if it is a string, else empty. Valid as long as `object`.
[[nodiscard]] std::string_view Text(const Json& object, std::string_view name);
// The member if it is an array, else an empty array.
[[nodiscard]] const Json& List(const Json& object, std::string_view name);
[[nodiscard]] bool True(const Json& object, std::string_view name);

// Deepest nesting of arrays and objects in a JSON text, without parsing it.
[[nodiscard]] std::size_t Depth(std::string_view json);

}  // namespace reliability::webhook
