#include "libs/base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <memory>
#include <mutex>

#include "libs/base/clock.h"
#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::log {
namespace {

// spdlog makes the whole queue at its start, 408 bytes a line. A burst that is longer loses its
// oldest lines, counted.
constexpr std::size_t kQueueLines = 512;

std::shared_ptr<spdlog::logger> MakeLogger(const Options& options) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  std::shared_ptr<spdlog::logger> logger;
  if (options.async) {
    spdlog::init_thread_pool(kQueueLines, 1);
    logger = std::make_shared<spdlog::async_logger>("log", std::move(sink), spdlog::thread_pool(),
                                                    spdlog::async_overflow_policy::overrun_oldest);
  } else {
    logger = std::make_shared<spdlog::logger>("log", std::move(sink));
  }
  logger->set_pattern("%v");
  logger->flush_on(spdlog::level::info);
  return logger;
}

spdlog::level::level_enum SpdlogLevel(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "info";
}

std::mutex& LoggerMutex() {
  static std::mutex mutex;
  return mutex;
}

std::shared_ptr<spdlog::logger>& LoggerSlot() {
  static std::shared_ptr<spdlog::logger> logger;
  return logger;
}

std::shared_ptr<spdlog::logger> Logger() {
  const std::lock_guard lock(LoggerMutex());
  if (LoggerSlot() == nullptr) {
    LoggerSlot() = MakeLogger(Options{});
  }
  return LoggerSlot();
}

std::string KeyPrefix(std::string_view key) { return JsonString(key) + ":"; }

}  // namespace

Field::Field(std::string_view key, std::string_view value)
    : json_(KeyPrefix(key) + JsonString(value)) {}
Field::Field(std::string_view key, bool value)
    : json_(KeyPrefix(key) + (value ? "true" : "false")) {}
Field::Field(std::string_view key, double value)
    : json_(KeyPrefix(key) + (std::isfinite(value) ? fmt::format("{:.6g}", value) : "null")) {}
Field::Field(std::string_view key, std::int64_t value, int)
    : json_(KeyPrefix(key) + std::to_string(value)) {}

void Init(const Options& options) {
  auto logger = MakeLogger(options);
  logger->set_level(SpdlogLevel(options.level));
  const std::lock_guard lock(LoggerMutex());
  LoggerSlot() = std::move(logger);
}

void Shutdown() {
  const std::lock_guard lock(LoggerMutex());
  // Outlives the pool's thread, whose queued lines hold it, too: the last owner is this thread.
  const std::shared_ptr<spdlog::logger> last = std::move(LoggerSlot());
  if (last != nullptr) {
    last->flush();
  }
  spdlog::shutdown();
}

std::uint64_t Dropped() {
  const auto pool = spdlog::thread_pool();
  return pool == nullptr ? 0 : pool->overrun_counter();
}

bool ParseLevel(std::string_view text, Level& level) {
  for (const Level candidate : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    if (text == LevelName(candidate)) {
      level = candidate;
      return true;
    }
  }
  return false;
}

void Write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  const auto logger = Logger();
  const auto spdlog_level = SpdlogLevel(level);
  if (!logger->should_log(spdlog_level)) {
    return;
  }
  // The facade owns the clock here: log lines show time, nothing decides by it.
  const auto now = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
  std::string line = R"({"time":")" + FormatRfc3339Micro(now) + R"(","level":")";
  line += LevelName(level);
  line += R"(","event":)";
  line += JsonString(event);
  for (const Field& field : fields) {
    line += ',';
    line += field.json();
  }
  line += '}';
  logger->log(spdlog_level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace reliability::log
