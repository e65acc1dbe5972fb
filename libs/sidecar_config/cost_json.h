#pragma once
// How prices and budgets stand in JSON, and what can be wrong with them. Internal to this folder.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "libs/sidecar_config/object_reader.h"
#include "libs/sidecar_config/schema.h"
#include "libs/sidecar_config/validate.h"

namespace reliability::sidecar_config {

inline constexpr std::int64_t kMostBudgetTokens = 1'000'000'000'000;

[[nodiscard]] nlohmann::json CostToJson(const Cost& cost);
[[nodiscard]] nlohmann::json PricesToJson(const std::vector<policy::PriceRule>& prices);
[[nodiscard]] nlohmann::json SpendToJson(const policy::DaySpend& spend);
// A decimal string of USD. False: absent or wrong.
bool ReadUsd(ObjectReader& in, const char* name, policy::NanoUsd& out);
// Read the fields "cost", "prices" and "spent" of a document.
void ReadCost(ObjectReader& document, Cost& out);
void ReadPrices(ObjectReader& document, std::vector<policy::PriceRule>& out);
void ReadSpend(ObjectReader& document, std::optional<policy::DaySpend>& out);

[[nodiscard]] std::vector<FieldError> ValidateCost(const PolicyDocument& document);

}  // namespace reliability::sidecar_config
