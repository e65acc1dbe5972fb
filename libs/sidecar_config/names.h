#pragma once
// Enum names as they stand in JSON, for both directions. Internal to this folder.
#include <array>
#include <string_view>
#include <utility>

#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config::names {

template <class E, std::size_t N>
using Table = std::array<std::pair<std::string_view, E>, N>;

inline constexpr Table<Enforcement, 2> kEnforcements = {
    {{"Observe", Enforcement::kObserve}, {"Enforce", Enforcement::kEnforce}}};
inline constexpr Table<UpstreamKind, 3> kUpstreamKinds = {
    {{"LLM", UpstreamKind::kLlm}, {"MCP", UpstreamKind::kMcp}, {"HTTP", UpstreamKind::kHttp}}};
inline constexpr Table<LlmFormat, 2> kLlmFormats = {
    {{"OpenAI", LlmFormat::kOpenAI}, {"Anthropic", LlmFormat::kAnthropic}}};
inline constexpr Table<BreakerScope, 4> kBreakerScopes = {{{"Tool", BreakerScope::kTool},
                                                           {"Provider", BreakerScope::kProvider},
                                                           {"Model", BreakerScope::kModel},
                                                           {"Agent", BreakerScope::kAgent}}};
inline constexpr Table<BreakerOperation, 4> kBreakerOperations = {
    {{"Automatic", BreakerOperation::kAutomatic},
     {"MetricsOnly", BreakerOperation::kMetricsOnly},
     {"ForcedOpen", BreakerOperation::kForcedOpen},
     {"Disabled", BreakerOperation::kDisabled}}};
inline constexpr Table<SliType, 3> kSliTypes = {{{"TaskSuccess", SliType::kTaskSuccess},
                                                 {"ToolCallSuccess", SliType::kToolCallSuccess},
                                                 {"TurnLatency", SliType::kTurnLatency}}};
inline constexpr Table<DegradedIs, 2> kDegradedIs = {
    {{"Good", DegradedIs::kGood}, {"Bad", DegradedIs::kBad}}};
inline constexpr Table<TurnIdentity, 2> kTurnIdentities = {
    {{"Auto", TurnIdentity::kAuto}, {"Trace", TurnIdentity::kTrace}}};
inline constexpr Table<StreamDeadline, 2> kStreamDeadlines = {
    {{"Error", StreamDeadline::kError}, {"EndWithNotice", StreamDeadline::kEndWithNotice}}};
inline constexpr Table<OnOversize, 2> kOnOversizes = {
    {{"Pass", OnOversize::kPass}, {"Reject", OnOversize::kReject}}};
// The last two are other words for what a sidecar does the same in.
inline constexpr Table<Mode, 8> kModes = {{{"Normal", Mode::kNormal},
                                           {"Throttled", Mode::kThrottled},
                                           {"Paused", Mode::kPaused},
                                           {"HalfOpen", Mode::kHalfOpen},
                                           {"Degraded", Mode::kDegraded},
                                           {"Ramping", Mode::kRamping},
                                           {"Frozen", Mode::kNormal},
                                           {"ScaledDown", Mode::kPaused}}};

inline constexpr Table<MidStreamFailure, 2> kMidStreamFailures = {
    {{"Error", MidStreamFailure::kError},
     {"RestartIfOnlyText", MidStreamFailure::kRestartIfOnlyText}}};
inline constexpr Table<TerminalType, 2> kTerminalTypes = {
    {{"StaticResponse", TerminalType::kStaticResponse}, {"Reject", TerminalType::kReject}}};

inline constexpr Table<policy::OnExceed, 3> kOnExceeds = {
    {{"Reject", policy::OnExceed::kReject},
     {"Template", policy::OnExceed::kTemplate},
     {"Degrade", policy::OnExceed::kDegrade}}};
inline constexpr Table<UnknownCost, 2> kUnknownCosts = {
    {{"Admit", UnknownCost::kAdmit}, {"Reject", UnknownCost::kReject}}};

template <class E, std::size_t N>
constexpr std::string_view NameIn(const Table<E, N>& table, E value) {
  for (const auto& [name, known] : table) {
    if (known == value) {
      return name;
    }
  }
  return "";
}

}  // namespace reliability::sidecar_config::names
