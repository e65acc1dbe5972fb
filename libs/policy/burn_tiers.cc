#include "libs/policy/burn_tiers.h"

#include <algorithm>
#include <string>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kNames[] = {"TicketSlow", "TicketFast", "PageSlow", "PageFast",
                                       "Outage"};

// factor = share of the budget * P / long window; below 1 it is raised to 1.
constexpr BurnTier k30d[] = {{Tier::kPageFast, hours{1}, minutes{5}, 14.4},
                             {Tier::kPageSlow, hours{6}, minutes{30}, 6},
                             {Tier::kTicketFast, hours{24}, hours{2}, 3},
                             {Tier::kTicketSlow, hours{72}, hours{6}, 1}};
constexpr BurnTier k28d[] = {{Tier::kPageFast, hours{1}, minutes{5}, 13.44},
                             {Tier::kPageSlow, hours{6}, minutes{30}, 5.6},
                             {Tier::kTicketFast, hours{24}, hours{2}, 2.8},
                             {Tier::kTicketSlow, hours{72}, hours{6}, 1}};
constexpr BurnTier k7d[] = {{Tier::kPageFast, minutes{15}, minutes{2}, 13.44},
                            {Tier::kPageSlow, minutes{90}, minutes{8}, 5.6},
                            {Tier::kTicketFast, hours{6}, minutes{30}, 2.8},
                            {Tier::kTicketSlow, hours{18}, minutes{90}, 1}};
constexpr BurnTier k1d[] = {{Tier::kPageFast, minutes{10}, minutes{2}, 7.2},
                            {Tier::kPageSlow, hours{1}, minutes{5}, 3.6},
                            {Tier::kTicketFast, hours{3}, minutes{15}, 2}};
constexpr BurnTier k1h[] = {{Tier::kPageFast, minutes{3}, seconds{30}, 2},
                            {Tier::kPageSlow, minutes{6}, minutes{1}, 1.5},
                            {Tier::kTicketFast, minutes{15}, minutes{2}, 1.2}};

// Where the cap lies between "as budgeted" and "everything fails"; index = Tier.
constexpr double kKappa[] = {0.10, 0.20, 0.35, 0.50};

}  // namespace

std::string_view Name(Tier tier) { return kNames[static_cast<std::size_t>(tier)]; }

Result<Tier> ParseTier(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == text) {
      return static_cast<Tier>(i);
    }
  }
  return Fail(Code::kInvalid, "tier \"" + std::string(text) +
                                  "\" is not Outage, PageFast, PageSlow, TicketFast or TicketSlow");
}

std::span<const BurnTier> BurnTiers(SloWindow window) {
  switch (window) {
    case SloWindow::k1h:
      return k1h;
    case SloWindow::k1d:
      return k1d;
    case SloWindow::k7d:
      return k7d;
    case SloWindow::k28d:
      return k28d;
    case SloWindow::k30d:
      break;
  }
  return k30d;
}

TierThreshold ThresholdOf(const BurnTier& tier, double budget) {
  const double classic = tier.factor * budget;
  const double cap = budget + kKappa[static_cast<std::size_t>(tier.tier)] * (1 - budget);
  return {std::min(classic, cap), classic};
}

}  // namespace reliability::policy
