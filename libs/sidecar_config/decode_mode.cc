#include <utility>

#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/names.h"
#include "libs/sidecar_config/object_reader.h"

namespace reliability::sidecar_config {

Result<Decoded<ModeDocument>> DecodeMode(std::string_view json) {
  ReadContext context;
  Decoded<ModeDocument> out;
  ModeDocument& document = out.document;
  RELIABILITY_ASSIGN_OR_RETURN(
      const nlohmann::json value,
      ParseDocument(json, context, document.schema_major, document.schema_minor));
  ObjectReader in(value, "", context);
  in.Take("schema");
  in.Require("leaderEpoch");
  in.Require("generation");
  in.Require("mode");
  in.Int64("leaderEpoch", document.leader_epoch);
  in.Int64("generation", document.generation);
  in.Enum<Mode>("mode", document.mode, names::kModes);
  in.String("cause", document.cause);
  in.Ms("retryAfterMs", document.retry_after);
  in.Time("validUntil", document.valid_until);
  in.Object("throttle", [&](ObjectReader& throttle) {
    ThrottleOrder order;
    throttle.Require("objective");
    throttle.Ratio("objective", order.objective);
    throttle.Int("maxRejectPercent", order.max_reject_percent);
    throttle.Int("minEvents", order.min_events);
    document.throttle = order;
  });
  in.Object("halfOpen", [&](ObjectReader& half_open) {
    HalfOpenOrder order;
    half_open.Int("maxProbes", order.max_probes);
    half_open.Strings("podUIDs", order.pod_uids);
    document.half_open = std::move(order);
  });
  in.Object("degrade", [&](ObjectReader& degrade) {
    DegradeOrder order;
    degrade.String("fallbackTier", order.fallback_tier);
    Milliseconds turn{0};
    if (degrade.Ms("turnTimeoutMs", turn)) {
      order.turn_timeout = turn;
    }
    std::int64_t tokens = 0;
    if (degrade.Int64("maxTokensPerTurn", tokens)) {
      order.turn_budget.tokens = tokens;
    }
    policy::NanoUsd usd = 0;
    if (ReadUsd(degrade, "maxCostPerTurn", usd)) {
      order.turn_budget.usd = usd;
    }
    document.degrade = std::move(order);
  });
  in.Object("ramp", [&](ObjectReader& ramp) {
    RampOrder order;
    ramp.Require("id");
    ramp.Require("percent");
    ramp.String("id", order.id);
    ramp.Int("percent", order.percent);
    document.ramp = std::move(order);
  });
  in.Finish();
  if (!context.error.empty()) {
    return Fail(Code::kInvalid, context.error);
  }
  out.ignored_fields = context.ignored_fields;
  out.ignored_names = std::move(context.ignored_names);
  return out;
}

}  // namespace reliability::sidecar_config
