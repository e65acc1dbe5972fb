#include "libs/net/hosts_file.h"

#include <gtest/gtest.h>

#include "tests/fakes/temp_folder.h"

namespace reliability::net {
namespace {

std::string Find(const std::string& text, const std::string& host) {
  const fakes::TempFolder folder;
  folder.Write("hosts", text);
  std::string found;
  for (const auto& address : ReadHosts(folder / "hosts", host)) {
    found += (found.empty() ? "" : " ") + address.to_string();
  }
  return found;
}

TEST(HostsFile, FindsNamesWithoutCaseOnAllLines) {
  const std::string text =
      "# by hand\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # loopback\r\n\n"
      "10.1.2.3  orders.shop orders\n10.1.2.4 Orders\n";
  EXPECT_EQ(Find(text, "localhost"), "127.0.0.1 ::1");
  EXPECT_EQ(Find(text, "ORDERS"), "10.1.2.3 10.1.2.4");
  EXPECT_EQ(Find(text, "orders.shop"), "10.1.2.3");
  EXPECT_EQ(Find(text, "order"), "");
  EXPECT_EQ(Find(text, "loopback"), "");
  EXPECT_EQ(Find(text, "10.1.2.3"), "");
}

TEST(HostsFile, PassesOverWhatIsNoAddress) {
  EXPECT_EQ(Find("nonsense orders\n10.1.2.3 orders", "orders"), "10.1.2.3");
  EXPECT_EQ(Find("", "orders"), "");
  EXPECT_TRUE(ReadHosts("/nonexistent/hosts", "orders").empty());
}

}  // namespace
}  // namespace reliability::net
