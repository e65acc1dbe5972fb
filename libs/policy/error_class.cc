#include "libs/policy/error_class.h"

#include <array>

namespace reliability::policy {
namespace {

// The words of the table.
constexpr auto kSuccess = BreakerEffect::kSuccess;
constexpr auto kFailure = BreakerEffect::kFailure;
constexpr auto kHold = BreakerEffect::kHold;
constexpr auto kQuotaOpen = BreakerEffect::kQuotaOpen;
constexpr auto kNeutral = BreakerEffect::kNeutral;
constexpr auto kIgnored = BreakerEffect::kNone;
constexpr auto kGood = SliVerdict::kGood;
constexpr auto kBad = SliVerdict::kBad;
constexpr auto kNoEvent = SliVerdict::kNone;
constexpr bool kSpoils = true;
constexpr bool kSpares = false;
constexpr bool kAgain = true;
constexpr bool kNever = false;
constexpr auto kNext = NextTarget::kYes;
constexpr auto kNoNext = NextTarget::kNo;
constexpr auto kLarger = NextTarget::kLargerContext;
constexpr bool kMayAct = true;
constexpr bool kNoAct = false;
constexpr bool kGoesOn = true;
constexpr bool kStuck = false;
constexpr std::string_view kGoOn = "answer with what you have and say what could not be checked";
constexpr std::string_view kFixRequest = "correct the request before you send it again";

#define ERROR_CLASS(member, ...) ClassTraits{__VA_ARGS__},
constexpr std::array<ClassTraits, kErrorClassCount> kTraits = {{
#include "libs/policy/error_classes.inc"
}};
#undef ERROR_CLASS

}  // namespace

const ClassTraits& TraitsOf(ErrorClass error_class) {
  return kTraits[static_cast<std::size_t>(error_class)];
}

std::string_view ErrorClassName(ErrorClass error_class) { return TraitsOf(error_class).name; }

std::optional<ErrorClass> ParseErrorClass(std::string_view name) {
  for (std::size_t i = 0; i < kTraits.size(); ++i) {
    if (kTraits[i].name == name) {
      return static_cast<ErrorClass>(i);
    }
  }
  return std::nullopt;
}

}  // namespace reliability::policy
