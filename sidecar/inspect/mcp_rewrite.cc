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
  return IsType(value, JsonType::kString) || IsType(value, JsonType::kNumber);
}

}  // namespace

Result<RenamedRequest> RenameMcpRequest(std::string_view body, std::string_view fresh) {
  RenamedRequest renamed;
  std::vector<Edit> edits;
  bool has_id = false;
  const auto replace = [&](JsonValue value, std::string_view prefix) {
    edits.push_back({OffsetOf(value), RawText(value).size(),
                     "\"" + std::string(prefix) + std::string(fresh) + "\""});
  };
  const auto take_field = [&](JsonKey key, JsonValue value) {
    if (key == "id" && IsScalar(value)) {
      has_id = true;
      replace(value, "retry-");
      renamed.id_json = edits.back().with;
    } else if (key == "params") {
      return EachField(value, [&](JsonKey name, JsonValue param) {
        return name != "_meta" || EachField(param, [&](JsonKey field, JsonValue inner) {
                 if (field == "progressToken" && IsScalar(inner)) {
                   replace(inner, "progress-");
                 }
                 return true;
               });
      });
    }
    return true;
  };
  const bool read =
      WithJson(body, [&](JsonDocument document) { return EachField(document, take_field); });
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

std::optional<CancelledId> ReadCancelledId(std::string_view body) {
  CancelledId found;
  int named = 0;
  const auto take_param = [&](JsonKey key, JsonValue value) {
    if (key == "requestId") {
      ++named;
      if (IsScalar(value)) {
        found = {std::string(RawText(value)), OffsetOf(value)};
      }
    }
    return true;
  };
  const bool read = WithJson(body, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      return key != "params" || EachField(value, take_param);
    });
  });
  return read && named == 1 && !found.id_json.empty() ? std::optional(std::move(found))
                                                      : std::nullopt;
}

std::string WithCancelledId(std::string_view body, const CancelledId& old,
                            std::string_view id_json) {
  std::string out(body.substr(0, old.at));
  out += id_json;
  out += body.substr(old.at + old.id_json.size());
  return out;
}

}  // namespace reliability::sidecar::inspect
