#include "sidecar/inspect/model_rewrite.h"

#include "libs/base/strings.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {

Result<std::string> WithModel(std::string_view body, std::string_view model) {
  std::size_t at = 0;
  std::size_t size = 0;
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      if (key == "model" && IsType(value, JsonType::kString)) {
        at = OffsetOf(value);
        size = RawText(value).size();
      }
      return true;
    });
  });
  if (!read || size == 0) {
    return Fail(Code::kInvalid, "no JSON object with a model");
  }
  std::string out(body.substr(0, at));
  out += JsonString(model);
  out += body.substr(at + size);
  return out;
}

}  // namespace reliability::sidecar::inspect
