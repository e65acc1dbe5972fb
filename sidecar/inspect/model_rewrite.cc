#include "sidecar/inspect/model_rewrite.h"

#include "libs/base/strings.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {

Result<std::string> WithModel(std::string_view body, std::string_view model) {
  const simdjson::padded_string padded(body);
  ParserLease lease(body.size());
  simdjson::ondemand::document document;
  if (lease.parser().iterate(padded).get(document) != simdjson::SUCCESS) {
    return Fail(Code::kInvalid, "not JSON");
  }
  std::size_t at = 0;
  std::size_t size = 0;
  const bool read = EachField(document, [&](std::string_view key, JsonValue value) {
    if (key == "model" && IsType(value, JsonType::string)) {
      std::string_view token = value.raw_json_token();
      token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
      at = static_cast<std::size_t>(token.data() - padded.data());
      size = token.size();
    }
    return true;
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
