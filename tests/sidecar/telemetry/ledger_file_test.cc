#include "sidecar/telemetry/ledger_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace reliability::sidecar::telemetry {
namespace {

class LedgerFileTest : public testing::Test {
 protected:
  LedgerFileTest() {
    std::string name = testing::TempDir() + "ledgerXXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ + "/ledger.json";
  }
  ~LedgerFileTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(LedgerFileTest, NoFileYet) {
  EXPECT_EQ(ReadLedgerFile(path_).error().code, Code::kNotFound);
}

TEST_F(LedgerFileTest, WritesIntoPlaceAndReadsBack) {
  ASSERT_TRUE(WriteLedgerFile(path_, "first").has_value());
  ASSERT_TRUE(WriteLedgerFile(path_, "2").has_value());
  EXPECT_EQ(ReadLedgerFile(path_).value(), "2");
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ++files;
  }
  EXPECT_EQ(files, 1);
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LedgerFileTest, ErrorsNameThePath) {
  const auto written = WriteLedgerFile(folder_ + "/no/such/ledger.json", "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_NE(written.error().message.find("/no/such/ledger.json.new"), std::string::npos);
  EXPECT_FALSE(ReadLedgerFile(folder_).has_value());
}

TEST_F(LedgerFileTest, HugeFilesAreRefused) {
  std::ofstream(path_) << std::string((1U << 20U) + 1, 'x');
  EXPECT_EQ(ReadLedgerFile(path_).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace reliability::sidecar::telemetry
