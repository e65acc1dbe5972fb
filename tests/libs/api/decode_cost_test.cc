// What a cache of 10,000 resources costs: the operator's whole list must fit into 60 MB.
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "libs/api/agent_slo.h"
#include "libs/api/decode.h"

namespace reliability::api {
namespace {

// An AgentSLO in full use, as the API server returns it: about 6 KB, a third of it managedFields.
std::string SloJson(int number) {
  std::string managed = R"({"manager":"kubectl","operation":"Apply","fieldsV1":{"f:spec":{)";
  for (int i = 0; i < 60; ++i) {
    managed += (i > 0 ? "," : "") + std::string("\"f:field") + std::to_string(i) + "\":{\".\":{}}";
  }
  managed += "}}}";
  std::string conditions;
  for (const char* type :
       {"Accepted", "TelemetryHealthy", "Evaluable", "SLOMet", "BudgetExhausted", "FastBurn"}) {
    conditions += (conditions.empty() ? "" : ",") + std::string(R"({"type":")") + type +
                  R"(","status":"True","reason":"PageFast","observedGeneration":3,)"
                  R"("lastTransitionTime":"2026-01-01T00:00:00Z","message":")"
                  "1h 61% / 5m 70% bad, threshold 54% (capped from 115%), 31 of 51 turns; at this "
                  R"(rate the rest lasts 35h"})";
  }
  std::string burn;
  for (const char* tier : {"PageFast", "PageSlow", "TicketFast", "TicketSlow"}) {
    burn += (burn.empty() ? "" : ",") + std::string(R"({"tier":")") + tier +
            R"(","longWindow":"1h","shortWindow":"5m","long":"0.61","short":"0.7",)"
            R"("threshold":"0.54","cappedFrom":"1.152","burnRate":"7.6","events":51,)"
            R"("badEvents":31,"firing":"Act"})";
  }
  return R"({"apiVersion":"agentreliability.dev/v1alpha1","kind":"AgentSLO","metadata":{"name":"slo-)" +
         std::to_string(number) +
         R"(","namespace":"support","uid":"0e4b1c1e-1f1d-4c43-9d5e-2f0a0b0c0d0e",)"
         R"("resourceVersion":"123456","generation":3,"creationTimestamp":"2026-01-01T00:00:00Z",)"
         R"("labels":{"app.kubernetes.io/name":"refunds","team":"support"},"annotations":{)"
         R"("kubectl.kubernetes.io/last-applied-configuration":")" +
         std::string(600, 'x') + R"("},"managedFields":[)" + managed +
         R"(]},"spec":{"targetRef":{"group":"apps","kind":"Deployment","name":"refunds-agent"},)"
         R"("objective":"92","window":"30d","sli":{"type":"TaskSuccess"},"lowTraffic":)"
         R"({"minEvents":10,"minBad":3,"confidence":"Standard"},"errorBudgetPolicyRef":)"
         R"({"name":"default-ladder"}},"status":{"observedGeneration":3,"target":)"
         R"("Deployment/refunds-agent","objective":"92%","state":"Critical","budgetState":)"
         R"("Healthy","burnState":"Critical","burnRate":"7.6x","budget":{"left":"37%",)"
         R"("remaining":"0.37","consumed":"0.63","events":4120,"badEvents":208},"burn":[)" +
         burn +
         R"(],"evidence":{"level":"Act","tier":"PageFast","e":"15.5","onset":)"
         R"("2026-01-01T00:00:00Z","n":51,"k":31},"podsCovered":3,"podsTotal":3,"conditions":[)" +
         conditions + "]}}";
}

TEST(DecodeCost, TenThousandSlosFitIntoMemory) {
  constexpr int kCount = 10000;
  const std::string sample = SloJson(0);
  const auto before = mallinfo2().uordblks;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<const AgentSlo>> cache;
  cache.reserve(kCount);
  for (int i = 0; i < kCount; ++i) {
    Result<AgentSlo> slo = Decode<AgentSlo>(SloJson(i));
    ASSERT_TRUE(slo.has_value()) << slo.error().message;
    cache.push_back(std::make_shared<const AgentSlo>(std::move(*slo)));
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const double mb = static_cast<double>(mallinfo2().uordblks - before) / 1e6;
  std::cout << kCount << " AgentSLOs of " << sample.size() << " bytes: " << mb << " MB kept, "
            << took.count() << " ms to make and decode\n";
  EXPECT_EQ(cache.back()->metadata.name, "slo-9999");
  EXPECT_LT(mb, 50.0);  // leaves 10 MB for a page of 500 and the parser
}

}  // namespace
}  // namespace reliability::api
