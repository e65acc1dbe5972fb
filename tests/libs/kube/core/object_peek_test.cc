#include "libs/kube/core/object_peek.h"

#include <gtest/gtest.h>

namespace reliability::kube {
namespace {

TEST(PeekObject, ReadsTheMetadata) {
  const auto peek = PeekObject(
      R"({"kind":"Pod","spec":{"name":"no","metadata":{"name":"no"}},
          "metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"12",
                      "generation":3,"labels":{"name":"no"},"managedFields":[{"name":"no"}],
                      "deletionTimestamp":"2026-01-01T00:00:00Z"}})");
  ASSERT_TRUE(peek.has_value());
  EXPECT_EQ(peek->name, "web");
  EXPECT_EQ(peek->ns, "shop");
  EXPECT_EQ(peek->uid, "u");
  EXPECT_EQ(peek->resource_version, "12");
  EXPECT_EQ(peek->generation, 3);
  EXPECT_TRUE(peek->deleting);
}

TEST(PeekObject, ABookmarkHasNoName) {
  const auto peek = PeekObject(R"({"kind":"Pod","metadata":{"resourceVersion":"99"}})");
  ASSERT_TRUE(peek.has_value());
  EXPECT_EQ(peek->name, "");
  EXPECT_EQ(peek->resource_version, "99");
  EXPECT_FALSE(peek->deleting);
}

TEST(PeekObject, APaddedViewIsReadWhereItLies) {
  std::string text = R"({"metadata":{"name":"a"}})";
  const std::size_t size = text.size();
  text.append(64, ' ');
  const auto peek = PeekObject(std::string_view(text).substr(0, size), true);
  ASSERT_TRUE(peek.has_value());
  EXPECT_EQ(peek->name, "a");
}

TEST(PeekObject, RefusesWhatIsNoObject) {
  for (const char* text :
       {"", "{}", "[]", "null", "{\"metadata\":7}", "{\"metadata\":{\"name\":7}}",
        "{\"metadata\":{\"generation\":\"x\"}}", "{\"metadata\":{\"name\":\"a\"", "not json"}) {
    const auto peek = PeekObject(text);
    ASSERT_FALSE(peek.has_value()) << text;
    EXPECT_EQ(peek.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace reliability::kube
