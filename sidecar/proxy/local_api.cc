#include "sidecar/proxy/local_api.h"

#include <simdjson.h>

#include "libs/base/log.h"
#include "libs/base/strings.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::string_view kPrefix = "/v1/turns/";
constexpr std::string_view kSuffix = "/outcome";
constexpr std::size_t kMaxReport = 4096;

tl::unexpected<Error> Bad(const char* why) { return Fail(Code::kInvalid, why); }

}  // namespace

std::optional<std::string> TurnOfOutcomePath(std::string_view path) {
  if (!path.starts_with(kPrefix) || !path.ends_with(kSuffix) ||
      path.size() <= kPrefix.size() + kSuffix.size()) {
    return std::nullopt;
  }
  path.remove_prefix(kPrefix.size());
  path.remove_suffix(kSuffix.size());
  if (path.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return PercentDecode(path);
}

Result<OutcomeReport> ReadOutcome(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get_object().get(object) != simdjson::SUCCESS) {
    return Bad("expected a JSON object");
  }
  OutcomeReport report;
  bool has_result = false;
  for (const auto field : object) {
    std::string_view text;
    if (field.value.get_string().get(text) != simdjson::SUCCESS) {
      return Bad("result and reason are strings");
    }
    if (field.key == "result" && !has_result) {
      has_result = true;
      if (text == "Failure") {
        report.result = policy::ReportedResult::kFailure;
      } else if (text != "Success") {
        return Bad("result: expected Success or Failure");
      }
    } else if (field.key == "reason") {
      report.reason = text.substr(0, 256);
    } else {
      return Bad("only result and reason, each once");
    }
  }
  if (!has_result) {
    return Bad("result: missing");
  }
  return report;
}

net::Task<inspect::MadeAnswer> AnswerOutcome(ExchangeState& state, std::string turn_id) {
  if (state.request.method != "POST") {
    co_return inspect::PlainError(405, "invalid_request", "POST an outcome");
  }
  const auto take = co_await state.body.TakeWhole(kMaxReport);
  if (take != RequestBody::Take::kComplete) {
    co_return inspect::PlainError(take == RequestBody::Take::kTooLarge ? 413 : 400,
                                  "invalid_request", "the report is too large or incomplete");
  }
  const auto report = ReadOutcome(state.body.whole());
  if (!report.has_value()) {
    co_return inspect::PlainError(400, "invalid_request", report.error().message);
  }
  if (const Status done = state.loop.decisions.Report(turn_id, report->result); !done.has_value()) {
    co_return inspect::PlainError(404, "not_found", done.error().message);
  }
  log::Info("turn_reported",
            {{"turn", turn_id},
             {"result", report->result == policy::ReportedResult::kSuccess ? "Success" : "Failure"},
             {"reason", report->reason}});
  co_return inspect::MadeAnswer{.status = 204, .content_type = {}, .headers = {}, .body = {}};
}

}  // namespace reliability::sidecar::proxy
