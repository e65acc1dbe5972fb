#pragma once
// What one MCP message (POST body) asks for, and whether its headers say the same. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::sidecar::inspect {

enum class McpKind : std::uint8_t { kRequest, kNotification, kResponse, kBatch };

struct McpRequest {
  McpKind kind = McpKind::kRequest;
  std::string method;
  std::string id_json;  // as written: `7` or `"a"`; empty if there is none
  std::string tool;     // tools/call: params.name
  std::string name;     // tools/call, prompts/get: params.name; resources/read: params.uri
  std::optional<std::uint64_t> arguments_hash;  // tools/call
  bool tools_call_in_batch = false;             // kBatch: some element is a tools/call
};

// kInvalid: not JSON, not an object or array, or `method`, `id`, `params`, or the call's `name`
// or `arguments` twice.
// `room`: readable bytes behind the body; with 64 of them it is not copied.
[[nodiscard]] Result<McpRequest> ReadMcpRequest(std::string_view body, std::size_t room = 0);

// 2026-07-28 headers; absent headers agree with anything. An Mcp-Name may be `=?base64?…?=`.
[[nodiscard]] bool HeadersAgree(const McpRequest& request, std::optional<std::string_view> method,
                                std::optional<std::string_view> name);
// Mcp-Name as text; nullopt for a broken sentinel.
[[nodiscard]] std::optional<std::string> DecodeMcpName(std::string_view header);

}  // namespace reliability::sidecar::inspect
