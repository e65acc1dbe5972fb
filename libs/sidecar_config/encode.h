#pragma once
// Canonical JSON of the documents between operator and sidecar: keys sorted, no whitespace, so that
// equal documents have equal bytes and one SHA-256. Pure.
#include <string>

#include "libs/sidecar_config/schema.h"

namespace reliability::sidecar_config {

[[nodiscard]] std::string EncodePolicy(const PolicyDocument& document);
[[nodiscard]] std::string EncodeMode(const ModeDocument& document);
[[nodiscard]] std::string EncodeLedger(const LedgerDocument& document);

// At most kLastWordsBytes: if not all SLOs fit, those with the most events are kept and "t":true
// says that some are missing.
[[nodiscard]] std::string EncodeLastWords(const std::string& pod_uid, const LedgerEpoch& epoch);

// Names as they stand in JSON.
[[nodiscard]] std::string_view Name(Enforcement value);
[[nodiscard]] std::string_view Name(UpstreamKind value);
[[nodiscard]] std::string_view Name(LlmFormat value);
[[nodiscard]] std::string_view Name(BreakerScope value);
[[nodiscard]] std::string_view Name(BreakerOperation value);
[[nodiscard]] std::string_view Name(SliType value);
[[nodiscard]] std::string_view Name(Mode value);
[[nodiscard]] std::string_view Name(MidStreamFailure value);
[[nodiscard]] std::string_view Name(TerminalType value);
[[nodiscard]] std::string_view Name(policy::OnExceed value);
[[nodiscard]] std::string_view Name(UnknownCost value);

}  // namespace reliability::sidecar_config
