#include "sidecar/inspect/mcp_request.h"

#include "libs/base/base64.h"
#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::string_view kToolsCall = "tools/call";

struct Seen {
  int method = 0;
  int id = 0;
  int params = 0;
  int name = 0;
  int arguments = 0;

  [[nodiscard]] bool Twice() const {
    return method > 1 || id > 1 || params > 1 || name > 1 || arguments > 1;
  }
};

bool ReadParams(JsonValue params, McpRequest& request, Seen& seen) {
  return EachField(params, [&](JsonKey key, JsonValue value) {
    if (key == "name" || key == "uri") {
      ++seen.name;
      request.name = TextOf(value);
    } else if (key == "arguments") {
      ++seen.arguments;
      request.arguments_hash = HashValue(value, {});
      return request.arguments_hash.has_value();
    }
    return true;
  });
}

bool ReadField(JsonKey key, JsonValue value, McpRequest& request, Seen& seen) {
  if (key == "method") {
    ++seen.method;
    request.method = TextOf(value);
  } else if (key == "id") {
    ++seen.id;
    if (!IsType(value, JsonType::kObject) && !IsType(value, JsonType::kArray)) {
      request.id_json = RawText(value);
    }
  } else if (key == "params") {
    ++seen.params;
    return ReadParams(value, request, seen);
  }
  return true;
}

bool ReadBatch(JsonDocument batch, McpRequest& request) {
  request.kind = McpKind::kBatch;
  return EachElement(batch, [&](JsonValue element) {
    return EachField(element, [&](JsonKey key, JsonValue value) {
      const bool call = key == "method" && AsString(value) == kToolsCall;
      request.tools_call_in_batch = request.tools_call_in_batch || call;
      return true;
    });
  });
}

}  // namespace

Result<McpRequest> ReadMcpRequest(std::string_view body, std::size_t room) {
  McpRequest request;
  Seen seen;
  const auto read_body = [&](JsonDocument document) {
    if (document.IsArray()) {
      return ReadBatch(document, request);
    }
    return EachField(document, [&](JsonKey key, JsonValue value) {
      return ReadField(key, value, request, seen);
    });
  };
  const bool read = WithJson(body, read_body, room);
  if (!read) {
    return Fail(Code::kInvalid, "the body is not a JSON-RPC message");
  }
  if (seen.Twice()) {
    return Fail(Code::kInvalid, "a field of the JSON-RPC message stands twice");
  }
  if (request.kind == McpKind::kBatch) {
    return request;
  }
  if (seen.method == 0) {
    request.kind = McpKind::kResponse;
  } else if (seen.id == 0) {
    request.kind = McpKind::kNotification;
  }
  if (request.method == kToolsCall) {
    request.tool = request.name;
    if (!request.arguments_hash) {
      request.arguments_hash = JsonHash("{}");
    }
  } else {
    request.arguments_hash.reset();
  }
  return request;
}

std::optional<std::string> DecodeMcpName(std::string_view header) {
  constexpr std::string_view kPrefix = "=?base64?";
  constexpr std::string_view kSuffix = "?=";
  if (!header.starts_with(kPrefix)) {
    return std::string(header);
  }
  if (!header.ends_with(kSuffix) || header.size() < kPrefix.size() + kSuffix.size()) {
    return std::nullopt;
  }
  header.remove_prefix(kPrefix.size());
  header.remove_suffix(kSuffix.size());
  const auto decoded = Base64Decode(header);
  return decoded ? std::optional(*decoded) : std::nullopt;
}

bool HeadersAgree(const McpRequest& request, std::optional<std::string_view> method,
                  std::optional<std::string_view> name) {
  if (method && *method != request.method) {
    return false;
  }
  return !name || DecodeMcpName(*name) == request.name;
}

}  // namespace reliability::sidecar::inspect
