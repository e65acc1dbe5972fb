#include "libs/policy/replay.h"

#include <algorithm>
#include <array>

namespace reliability::policy {
namespace {

bool IsSafeMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

// Endpoints that compute an answer and keep nothing that a second call would double (ruling 57);
// uploads, batches and fine-tuning jobs are not among them.
bool OnlyComputes(std::string_view path) {
  static constexpr std::array<std::string_view, 7> kEndings = {
      "/responses",   "/completions",  "/embeddings", "/count_tokens",
      "/moderations", "/input_tokens", "/rerank"};
  path = path.substr(0, path.find('?'));
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [path](std::string_view ending) { return path.ends_with(ending); });
}

bool OnlyReads(std::string_view mcp_method) {
  static constexpr std::array<std::string_view, 8> kMethods = {
      "tools/list",   "resources/list", "resources/templates/list", "resources/read",
      "prompts/list", "prompts/get",    "completion/complete",      "ping"};
  return std::find(kMethods.begin(), kMethods.end(), mcp_method) != kMethods.end();
}

}  // namespace

bool IsReplayable(const ReplayClues& clues) {
  switch (clues.nature) {
    case CallNature::kLlmAnswer:
      return true;
    case CallNature::kLlmOther:
      return IsSafeMethod(clues.method) || OnlyComputes(clues.path);
    case CallNature::kMcp:
      return clues.mcp_method == "tools/call"
                 ? clues.listed
                 : IsSafeMethod(clues.method) || OnlyReads(clues.mcp_method);
    case CallNature::kHttpTool:
      return IsSafeMethod(clues.method) || clues.idempotency_key || clues.listed;
  }
  return false;
}

}  // namespace reliability::policy
