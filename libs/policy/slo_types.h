#pragma once
// Vocabulary of the SLO maths. Times are SystemTime (they must survive a restart of the process),
// always passed in. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/result.h"

namespace reliability::policy {

enum class SloWindow { k1h, k1d, k7d, k28d, k30d };

[[nodiscard]] constexpr Milliseconds Length(SloWindow window) {
  using std::chrono::hours;
  switch (window) {
    case SloWindow::k1h:
      return hours{1};
    case SloWindow::k1d:
      return hours{24};
    case SloWindow::k7d:
      return hours{7 * 24};
    case SloWindow::k28d:
      return hours{28 * 24};
    case SloWindow::k30d:
      break;
  }
  return hours{30 * 24};
}
// "1h", "1d", "7d", "28d", "30d"; kInvalid names the text.
[[nodiscard]] Result<SloWindow> ParseSloWindow(std::string_view text);
[[nodiscard]] std::string_view Name(SloWindow window);

// How often false alarms are acceptable: Standard = one alert in 10 and one act in 1,000
// SLO-months, Strict = one in 100 and one in 10,000.
enum class Confidence { kStandard, kStrict };

// Share of events that must be good. Held in parts per million, so that "50 bad of 1,000 at 95 %"
// is exactly nothing left.
class Objective {
 public:
  static constexpr std::uint32_t kMillion = 1'000'000;

  // "95" or "99.9": a percentage above 0 and below 100 with at most 4 decimals.
  [[nodiscard]] static Result<Objective> ParsePercent(std::string_view text);
  // Precondition: 0 < ppm < 1,000,000.
  [[nodiscard]] static constexpr Objective FromPpm(std::uint32_t ppm) { return Objective(ppm); }

  [[nodiscard]] constexpr std::uint32_t budget_ppm() const { return kMillion - ppm_; }
  [[nodiscard]] constexpr double ratio() const { return static_cast<double>(ppm_) / kMillion; }
  // b = 1 - target, the share of events that may be bad.
  [[nodiscard]] constexpr double budget() const {
    return static_cast<double>(budget_ppm()) / kMillion;
  }
  friend constexpr bool operator==(Objective, Objective) = default;

 private:
  explicit constexpr Objective(std::uint32_t ppm) : ppm_(ppm) {}
  std::uint32_t ppm_;
};

struct EventCounts {
  std::uint64_t events = 0;
  std::uint64_t bad = 0;  // <= events

  // Bad share; 0 without events.
  [[nodiscard]] double BadRatio() const {
    return events == 0 ? 0.0 : static_cast<double>(bad) / static_cast<double>(events);
  }
  EventCounts& operator+=(const EventCounts& other) {
    events += other.events;
    bad += other.bad;
    return *this;
  }
  friend bool operator==(const EventCounts&, const EventCounts&) = default;
};

}  // namespace reliability::policy
