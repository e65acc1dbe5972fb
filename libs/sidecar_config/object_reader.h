#pragma once
// Reads one JSON object strictly: every field is asked for by name and type, what is left over is
// an unknown field. The first error wins and is kept in the shared context. Internal to this
// folder.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/sidecar_config/decode.h"

namespace reliability::sidecar_config {

struct ReadContext {
  bool newer_minor = false;  // unknown fields are ignored
  int ignored_fields = 0;
  std::vector<std::string> ignored_names;  // the first kMaxIgnoredNames of them
  std::string error;                       // "path: reason"; empty = none so far
  std::set<std::string>* asked = nullptr;  // gets the path of each field that is known (tests)

  void Fail(const std::string& path, std::string_view reason);
};

template <class E>
using EnumNames = std::span<const std::pair<std::string_view, E>>;

class ObjectReader {
 public:
  // `value` outlives the reader. Not an object: an error.
  ObjectReader(const nlohmann::json& value, std::string path, ReadContext& context);

  // Absent fields leave `out` as it is; false = absent or wrong.
  bool String(const char* name, std::string& out);
  bool Bool(const char* name, bool& out);
  bool Int(const char* name, int& out);
  bool Int64(const char* name, std::int64_t& out);
  bool Uint64(const char* name, std::uint64_t& out);
  bool Ms(const char* name, Milliseconds& out);  // integer >= 0
  bool Time(const char* name, std::optional<SystemTime>& out);
  bool Ratio(const char* name, double& out);  // decimal string
  bool Strings(const char* name, std::vector<std::string>& out);

  template <class E>
  bool Enum(const char* name, E& out, EnumNames<E> names) {
    std::string text;
    if (!String(name, text)) {
      return false;
    }
    for (const auto& [known, value] : names) {
      if (known == text) {
        out = value;
        return true;
      }
    }
    context_.Fail(PathOf(name), "unknown value \"" + text + "\"");
    return false;
  }

  // `read(ObjectReader&)` for a nested object; absent = not called.
  template <class Read>
  bool Object(const char* name, Read&& read) {
    const nlohmann::json* value = Take(name);
    if (value == nullptr) {
      return false;
    }
    ObjectReader nested(*value, PathOf(name), context_);
    read(nested);
    nested.Finish();
    return true;
  }

  // `read(ObjectReader&, T&)` per element of an array of objects.
  template <class T, class Read>
  void Objects(const char* name, std::vector<T>& out, Read&& read) {
    const nlohmann::json* value = TakeArray(name);
    if (value == nullptr) {
      return;
    }
    out.clear();
    for (std::size_t i = 0; i < value->size(); ++i) {
      ObjectReader element((*value)[i], PathOf(name) + "[" + std::to_string(i) + "]", context_);
      read(element, out.emplace_back());
      element.Finish();
    }
  }

  // The field's value, marked as known; nullptr if absent.
  const nlohmann::json* Take(const char* name);
  [[nodiscard]] std::string PathOf(std::string_view name) const;
  [[nodiscard]] bool Has(const char* name) const;
  void Require(const char* name);  // absent = error
  // The field was read, but its value cannot be used.
  void Reject(const char* name, std::string_view reason) { context_.Fail(PathOf(name), reason); }
  // Complains about fields that nobody asked for.
  void Finish();

 private:
  const nlohmann::json* TakeArray(const char* name);

  const nlohmann::json& value_;
  const std::string path_;
  ReadContext& context_;
  std::vector<std::string_view> known_;
};

// Parses text into a JSON object; refuses duplicate keys, other majors and documents beyond
// kMaxDocumentBytes. Fills the schema's numbers and the context.
[[nodiscard]] Result<nlohmann::json> ParseDocument(std::string_view text, ReadContext& context,
                                                   int& major, int& minor);
// As above without a schema field.
[[nodiscard]] Result<nlohmann::json> ParseObject(std::string_view text);

}  // namespace reliability::sidecar_config
