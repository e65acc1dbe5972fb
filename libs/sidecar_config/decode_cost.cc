#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/names.h"

namespace reliability::sidecar_config {

bool ReadUsd(ObjectReader& in, const char* name, policy::NanoUsd& out) {
  std::string text;
  if (!in.String(name, text)) {
    return false;
  }
  const auto amount = policy::ParseUsd(text);
  if (!amount.has_value()) {
    in.Reject(name, amount.error().message);
    return false;
  }
  out = *amount;
  return true;
}

namespace {

void ReadLimit(ObjectReader& cost, const char* name, policy::BudgetLimit& out) {
  cost.Object(name, [&](ObjectReader& in) {
    std::int64_t tokens = 0;
    if (in.Int64("tokens", tokens)) {
      out.tokens = tokens;
    }
    policy::NanoUsd usd = 0;
    if (ReadUsd(in, "usd", usd)) {
      out.usd = usd;
    }
  });
}

void Read(ObjectReader& in, policy::PriceRule& out) {
  for (const char* name : {"provider", "input", "output"}) {
    in.Require(name);
  }
  in.String("provider", out.provider);
  in.String("model", out.model);
  ReadUsd(in, "input", out.price.input);
  ReadUsd(in, "output", out.price.output);
  out.price.cached_input = out.price.input;
  out.price.cache_write = out.price.input;
  ReadUsd(in, "cachedInput", out.price.cached_input);
  ReadUsd(in, "cacheWrite", out.price.cache_write);
}

}  // namespace

void ReadCost(ObjectReader& document, Cost& out) {
  document.Object("cost", [&](ObjectReader& in) {
    ReadLimit(in, "perTurn", out.per_turn);
    ReadLimit(in, "perSession", out.per_session);
    ReadLimit(in, "perDay", out.per_day);
    in.Enum<policy::OnExceed>("onExceed", out.on_exceed, names::kOnExceeds);
    in.Enum<UnknownCost>("onUnknownCost", out.on_unknown_cost, names::kUnknownCosts);
    in.Int64("assumedOutputTokens", out.assumed_output_tokens);
  });
}

void ReadPrices(ObjectReader& document, std::vector<policy::PriceRule>& out) {
  document.Objects("prices", out,
                   [](ObjectReader& element, policy::PriceRule& rule) { Read(element, rule); });
}

void ReadSpend(ObjectReader& document, std::optional<policy::DaySpend>& out) {
  document.Object("spent", [&](ObjectReader& in) {
    policy::DaySpend& spend = out.emplace();
    in.Require("day");
    in.Int64("day", spend.day);
    in.Int64("tokens", spend.spent.tokens);
    in.Int64("nanoUsd", spend.spent.usd);
  });
}

}  // namespace reliability::sidecar_config
