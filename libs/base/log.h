#pragma once
// JSON-lines logging facade: one object a line on stderr, {"time","level","event",fields...}.
// Log events, not requests. Thread-safe. The spdlog headers stay inside log.cc.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace reliability::log {

enum class Level { kDebug, kInfo, kWarn, kError };

// One field; numbers and booleans keep their JSON type.
class Field {
 public:
  Field(std::string_view key, std::string_view value);
  Field(std::string_view key, const char* value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, const std::string& value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, bool value);
  Field(std::string_view key, double value);
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Field(std::string_view key, T value) : Field(key, static_cast<std::int64_t>(value), 0) {}

  [[nodiscard]] const std::string& json() const { return json_; }

 private:
  Field(std::string_view key, std::int64_t value, int);
  std::string json_;  // "key":value
};

struct Options {
  Level level = Level::kInfo;
  // Bounded queue and a writer thread that drops the oldest line rather than block the caller.
  bool async = false;
};

// Call once, early in main. Without it, lines go to stderr synchronously at level info.
void Init(const Options& options);
// Writes what is queued; call last in main.
void Shutdown();
// Lines dropped because the queue was full.
[[nodiscard]] std::uint64_t Dropped();
// "debug", "info", "warn", "error".
[[nodiscard]] bool ParseLevel(std::string_view text, Level& level);

void Write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void Debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, event, fields);
}
inline void Info(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, event, fields);
}
inline void Warn(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarn, event, fields);
}
inline void Error(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, event, fields);
}

}  // namespace reliability::log
