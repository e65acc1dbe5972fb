#include "controllers/enforcement/mode_file.h"

#include <gtest/gtest.h>

#include "libs/sidecar_config/encode.h"

namespace reliability::controllers::enforcement {
namespace {

using std::chrono::seconds;

sidecar_config::ModeDocument Order(sidecar_config::Mode mode, std::int64_t generation) {
  sidecar_config::ModeDocument document;
  document.leader_epoch = 2;
  document.generation = generation;
  document.mode = mode;
  return document;
}

TEST(ModeFile, SaysWhatWasReadOrWritten) {
  ModeFile file;
  const MonotonicTime start{seconds{100}};
  EXPECT_FALSE(file.known());
  file.Read("", start);
  EXPECT_TRUE(file.known());
  EXPECT_EQ(file.checked_at(), start);
  EXPECT_FALSE(file.published().has_value());
  EXPECT_FALSE(file.SinceWritten(start).has_value());

  const auto paused = Order(sidecar_config::Mode::kPaused, 5);
  file.Wrote(sidecar_config::EncodeMode(paused), paused, start + seconds{1});
  EXPECT_EQ(file.published()->order, (std::pair<std::int64_t, std::int64_t>(2, 5)));
  EXPECT_FALSE(file.published()->normal);
  EXPECT_EQ(file.SinceWritten(start + seconds{3}), seconds{2});
  file.Read(sidecar_config::EncodeMode(paused), start + seconds{9});
  EXPECT_TRUE(file.published()->intact);
  file.Forget();
  EXPECT_FALSE(file.known());
}

TEST(ModeFile, NoticesAnotherHandAndBrokenText) {
  ModeFile file;
  const MonotonicTime start{seconds{100}};
  const auto normal = Order(sidecar_config::Mode::kNormal, 6);
  file.Wrote(sidecar_config::EncodeMode(normal), normal, start);
  file.Read(sidecar_config::EncodeMode(Order(sidecar_config::Mode::kPaused, 4)), start);
  EXPECT_FALSE(file.published()->intact);
  EXPECT_FALSE(file.published()->normal);
  EXPECT_EQ(file.published()->order.second, 4);
  file.Read("{", start);
  EXPECT_FALSE(file.published()->intact);
  EXPECT_FALSE(file.published()->normal);
  EXPECT_EQ(file.published()->order, (std::pair<std::int64_t, std::int64_t>(0, 0)));
}

}  // namespace
}  // namespace reliability::controllers::enforcement
