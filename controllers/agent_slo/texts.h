#pragma once
// The words of an AgentSLO's status and events: numbers, and what happens next. Pure.
#include <string>
#include <string_view>

#include "controllers/agent_slo/input.h"

namespace reliability::controllers::agent_slo {

// "74%", "1.4%": whole percents from 10 % on.
[[nodiscard]] std::string ShareText(double ratio);
// "52.5%", "1.44%"
[[nodiscard]] std::string ThresholdText(double ratio);
// "-20%": whole percents, below 1 % one decimal, so that a rest that is not 0 never reads 0.
[[nodiscard]] std::string LeftText(double ratio);
// "14.8x"
[[nodiscard]] std::string BurnText(double rate);
// "35h", "12m", "50s", "9d": the two largest steps are enough for a forecast.
[[nodiscard]] std::string RoughDuration(Milliseconds duration);
// "10:42:10Z"
[[nodiscard]] std::string ClockText(SystemTime time);
// "turns" or "calls"
[[nodiscard]] std::string_view Noun(api::SliType type);

// "1000 turns, 60 failed, 50 allowed: -20% left"
[[nodiscard]] std::string BudgetText(const policy::ErrorBudget& budget, std::string_view noun);
// "at this rate the rest lasts 35h", "at this rate nothing is left now"; empty if it does not burn.
[[nodiscard]] std::string ForecastText(const policy::SloAssessment& got);
// "1h 74% / 5m 81% bad, threshold 52.5% (capped from 72%), 43 of 58 turns"
[[nodiscard]] std::string TierText(const policy::TierReading& reading, std::string_view noun);
// What fires now, with its numbers, or Drift. Precondition: something does.
[[nodiscard]] std::string FiringText(const policy::SloAssessment& got, std::string_view noun);
// "Rule "stop" pauses refunds-agent in 1m unless PageFast clears"
[[nodiscard]] std::string NextStepText(const Input& in);

}  // namespace reliability::controllers::agent_slo
