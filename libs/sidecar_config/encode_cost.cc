#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/names.h"

namespace reliability::sidecar_config {
namespace {

using nlohmann::json;

void AddLimit(json& out, const char* name, const policy::BudgetLimit& limit) {
  if (!limit.any()) {
    return;
  }
  json& value = out[name] = json::object();
  if (limit.tokens.has_value()) {
    value["tokens"] = *limit.tokens;
  }
  if (limit.usd.has_value()) {
    value["usd"] = policy::FormatUsd(*limit.usd);
  }
}

}  // namespace

std::string_view Name(policy::OnExceed value) { return names::NameIn(names::kOnExceeds, value); }
std::string_view Name(UnknownCost value) { return names::NameIn(names::kUnknownCosts, value); }

json CostToJson(const Cost& cost) {
  json out = {{"onExceed", Name(cost.on_exceed)},
              {"onUnknownCost", Name(cost.on_unknown_cost)},
              {"assumedOutputTokens", cost.assumed_output_tokens}};
  AddLimit(out, "perTurn", cost.per_turn);
  AddLimit(out, "perSession", cost.per_session);
  AddLimit(out, "perDay", cost.per_day);
  return out;
}

json PricesToJson(const std::vector<policy::PriceRule>& prices) {
  json out = json::array();
  for (const policy::PriceRule& rule : prices) {
    json one = {{"provider", rule.provider},
                {"input", policy::FormatUsd(rule.price.input)},
                {"cachedInput", policy::FormatUsd(rule.price.cached_input)},
                {"cacheWrite", policy::FormatUsd(rule.price.cache_write)},
                {"output", policy::FormatUsd(rule.price.output)}};
    if (!rule.model.empty()) {
      one["model"] = rule.model;
    }
    out.push_back(std::move(one));
  }
  return out;
}

json SpendToJson(const policy::DaySpend& spend) {
  return {{"day", spend.day}, {"tokens", spend.spent.tokens}, {"nanoUsd", spend.spent.usd}};
}

}  // namespace reliability::sidecar_config
