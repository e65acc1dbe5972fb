#include "libs/kube/core/list_page.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::kube {
namespace {

TEST(DecodeListPage, GivesRawItemsInOrder) {
  std::string body =
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"10",
          "continue":"tok\"en","remainingItemCount":1},
          "items":[{"metadata":{"name":"a"},"x":[1,{"y":2}]},{"metadata":{"name":"b"}}]})";
  std::vector<std::string> items;
  const auto page = DecodeListPage(body, [&](std::string_view item) { items.emplace_back(item); });
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->resource_version, "10");
  EXPECT_EQ(page->continue_token, "tok\"en");
  EXPECT_EQ(page->items, 2U);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].substr(0, 24), R"({"metadata":{"name":"a"})");
  EXPECT_EQ(items[1].substr(0, 24), R"({"metadata":{"name":"b"})");
}

TEST(DecodeListPage, MetadataMayComeLast) {
  std::string body = R"({"items":[{}],"metadata":{"resourceVersion":"3"}})";
  const auto page = DecodeListPage(body, [](std::string_view) {});
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->resource_version, "3");
  EXPECT_EQ(page->continue_token, "");
}

TEST(DecodeListPage, EmptyAndNullAreEmpty) {
  for (const char* items : {"[]", "null"}) {
    std::string body = std::string(R"({"metadata":{"resourceVersion":"1"},"items":)") + items + "}";
    const auto page = DecodeListPage(body, [](std::string_view) { FAIL(); });
    ASSERT_TRUE(page.has_value()) << items;
    EXPECT_EQ(page->items, 0U);
  }
}

TEST(DecodeListPage, RefusesWhatIsNoList) {
  for (const char* text :
       {"", "[]", "nothing", "{}", R"({"metadata":{}})", R"({"items":[]})",
        R"({"metadata":7,"items":[]})", R"({"metadata":{"resourceVersion":7},"items":[]})",
        R"({"metadata":{},"items":7})", R"({"metadata":{},"items":x})",
        R"({"metadata":{},"items":[7]})", R"({"metadata":{"resourceVersion":"1"},"items":[{"a":1})",
        R"({"metadata":{"resourceVersion":"1"},"items":[{"a":1},{"b")"}) {
    std::string body = text;
    const auto page = DecodeListPage(body, [](std::string_view) {});
    ASSERT_FALSE(page.has_value()) << text;
    EXPECT_EQ(page.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace reliability::kube
