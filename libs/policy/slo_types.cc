#include "libs/policy/slo_types.h"

#include "libs/base/strings.h"

namespace reliability::policy {
namespace {

struct NamedWindow {
  SloWindow window;
  std::string_view name;
};
constexpr NamedWindow kWindows[] = {{SloWindow::k1h, "1h"},
                                    {SloWindow::k1d, "1d"},
                                    {SloWindow::k7d, "7d"},
                                    {SloWindow::k28d, "28d"},
                                    {SloWindow::k30d, "30d"}};

}  // namespace

Result<SloWindow> ParseSloWindow(std::string_view text) {
  for (const NamedWindow& entry : kWindows) {
    if (entry.name == text) {
      return entry.window;
    }
  }
  return Fail(Code::kInvalid, "window \"" + std::string(text) + "\" is not 1h, 1d, 7d, 28d or 30d");
}

std::string_view Name(SloWindow window) { return kWindows[static_cast<std::size_t>(window)].name; }

Result<Objective> Objective::ParsePercent(std::string_view text) {
  const auto invalid = [&] {
    return Fail(Code::kInvalid, "objective \"" + std::string(text) +
                                    "\" is not a percentage above 0 and below 100 with at most 4 "
                                    "decimals, such as \"95\" or \"99.9\"");
  };
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  if (whole.empty() || whole.size() > 2 || fraction.size() > 4 ||
      (dot != std::string_view::npos && fraction.empty())) {
    return invalid();
  }
  std::string digits(whole);
  digits += fraction;
  digits.append(4 - fraction.size(), '0');
  const std::optional<std::uint64_t> ppm = ParseUint(digits);
  if (!ppm || *ppm == 0 || *ppm >= kMillion) {
    return invalid();
  }
  return FromPpm(static_cast<std::uint32_t>(*ppm));
}

}  // namespace reliability::policy
