#pragma once
// A call at the places of its fallback chain: which there are, and its request for each. Loop
// thread only.
#include <string>

#include "sidecar/proxy/exchange_state.h"
#include "sidecar/translate/answer.h"
#include "sidecar/translate/format.h"

namespace reliability::sidecar::proxy {

// Fills the call's offers and tiers if its policy has a chain that it can use: the place that the
// agent addressed, then the tiers behind it.
void ListOffers(ExchangeState& state);

// Makes the admission's offer the place of the next attempt: address, path, body. False: the
// request cannot be written for it, and the offer is skipped from now on.
[[nodiscard]] bool GoToOffer(ExchangeState& state);

// Marks the places that cannot take this request: its words have no counterpart there, or what it
// refers to is another account's. So none is tried in vain; the log names the field (data-plane
// ruling 36). Before the call moves; the work of one translation, once.
void SkipUntranslatable(ExchangeState& state);

// The same when time or a wait depends on whether one of them can: no reserve of the turn is kept
// for places that cannot take this request.
void SettleLaterOffers(ExchangeState& state);

// What the running place speaks.
[[nodiscard]] translate::Format TierFormatOf(const Call& call);
// The agent's format, and what a stream or template of ours says about itself.
[[nodiscard]] translate::Format FormatOf(const Call& call);
[[nodiscard]] translate::Origin OriginOf(const ExchangeState& state);

// Whether the chain's last resort is an answer to this call, and not an error.
[[nodiscard]] bool HasTerminal(const ExchangeState& state);

// That last resort as an answer in the agent's own format, or as the bytes of a stream whose
// head is out; nullopt: the chain has none.
struct Terminal {
  inspect::MadeAnswer answer;
  std::string stream;
};
[[nodiscard]] std::optional<Terminal> MakeTerminal(const ExchangeState& state,
                                                   policy::ErrorClass reason);

}  // namespace reliability::sidecar::proxy
