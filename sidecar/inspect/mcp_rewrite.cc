#include "sidecar/inspect/mcp_rewrite.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

struct Edit {
  std::size_t at = 0;
  std::size_t size = 0;
  std::string with;
};

bool IsScalar(JsonValue value) {
  return IsType(value, JsonType::string) || IsType(value, JsonType::number);
}

}  // namespace

Result<RenamedRequest> RenameMcpRequest(std::string_view body, std::string_view fresh) {
  const simdjson::padded_string padded(body);
  ParserLease lease(body.size());
  simdjson::ondemand::document document;
  if (lease.parser().iterate(padded).get(document) != simdjson::SUCCESS) {
    return Fail(Code::kInvalid, "not JSON");
  }
  RenamedRequest renamed;
  std::vector<Edit> edits;
  bool has_id = false;
  const auto replace = [&](JsonValue value, std::string_view prefix) {
    std::string_view token = value.raw_json_token();
    token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    edits.push_back({static_cast<std::size_t>(token.data() - padded.data()), token.size(),
                     "\"" + std::string(prefix) + std::string(fresh) + "\""});
  };
  const bool read = EachField(document, [&](std::string_view key, JsonValue value) {
    if (key == "id" && IsScalar(value)) {
      has_id = true;
      replace(value, "retry-");
      renamed.id_json = edits.back().with;
    } else if (key == "params") {
      return EachField(value, [&](std::string_view name, JsonValue param) {
        return name != "_meta" || EachField(param, [&](std::string_view field, JsonValue inner) {
                 if (field == "progressToken" && IsScalar(inner)) {
                   replace(inner, "progress-");
                 }
                 return true;
               });
      });
    }
    return true;
  });
  if (!read || !has_id) {
    return Fail(Code::kInvalid, "no JSON-RPC request with an id");
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.at < b.at; });
  std::size_t from = 0;
  for (const Edit& edit : edits) {
    renamed.body += body.substr(from, edit.at - from);
    renamed.body += edit.with;
    renamed.back.Add(edit.with, std::string(body.substr(edit.at, edit.size)));
    from = edit.at + edit.size;
  }
  renamed.body += body.substr(from);
  return renamed;
}

}  // namespace reliability::sidecar::inspect
