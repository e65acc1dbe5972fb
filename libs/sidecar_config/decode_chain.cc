#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/names.h"

namespace reliability::sidecar_config {
namespace {

void Read(ObjectReader& in, ChainTier& out) {
  in.Require("name");
  in.String("name", out.name);
  in.String("upstream", out.upstream);
  if (in.String("url", out.url)) {
    in.Require("format");
    in.Enum<LlmFormat>("format", out.format, names::kLlmFormats);
  }
  in.String("provider", out.provider);
  in.String("caFile", out.ca_file);
  in.String("model", out.model);
  Milliseconds timeout{0};
  if (in.Ms("timeoutMs", timeout)) {
    out.timeout = timeout;
  }
  in.String("credential", out.credential);
  in.Bool("largerContext", out.larger_context);
}

void ReadAdvanceOn(ObjectReader& in, ReadContext& context, FallbackChain& out) {
  std::vector<std::string> words;
  if (!in.Strings("advanceOn", words)) {
    return;
  }
  out.advance_on.clear();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto known = policy::ParseErrorClass(words[i]);
    if (!known.has_value()) {
      context.Fail(in.PathOf("advanceOn") + "[" + std::to_string(i) + "]",
                   "unknown error class \"" + words[i] + "\"");
      return;
    }
    out.advance_on.push_back(*known);
  }
}

void Read(ObjectReader& in, TierCounts& out) {
  in.Require("name");
  in.String("name", out.name);
  bool reachable = false;
  if (in.Bool("reachable", reachable)) {
    out.reachable = reachable;
  }
  in.String("skipped", out.skipped);
  in.Uint64("served", out.served);
  in.Uint64("failed", out.failed);
  in.String("lastClass", out.last_class);
}

}  // namespace

void ReadChain(ObjectReader& document, ReadContext& context, std::optional<FallbackChain>& out) {
  document.Object("fallbackChain", [&](ObjectReader& in) {
    FallbackChain& chain = out.emplace();
    in.Require("tiers");
    in.String("name", chain.name);
    in.Objects("tiers", chain.tiers,
               [](ObjectReader& element, ChainTier& tier) { Read(element, tier); });
    ReadAdvanceOn(in, context, chain);
    in.Ms("stickyMs", chain.sticky);
    in.Enum<MidStreamFailure>("onMidStreamFailure", chain.on_mid_stream_failure,
                              names::kMidStreamFailures);
    in.Object("terminal", [&](ObjectReader& terminal) {
      terminal.Require("type");
      terminal.Enum<TerminalType>("type", chain.terminal.type, names::kTerminalTypes);
      terminal.String("text", chain.terminal.text);
    });
  });
}

void ReadChain(ObjectReader& document, ReadContext& /*context*/, std::optional<ChainCounts>& out) {
  document.Object("fallbackChain", [&](ObjectReader& in) {
    ChainCounts& counts = out.emplace();
    in.Require("name");
    in.String("name", counts.name);
    in.Objects("tiers", counts.tiers,
               [](ObjectReader& element, TierCounts& tier) { Read(element, tier); });
    in.Uint64("terminalServed", counts.terminal_served);
  });
}

}  // namespace reliability::sidecar_config
