#include "libs/kube/runtime/store.h"

#include <gtest/gtest.h>

namespace reliability::kube {
namespace {

TEST(Store, ReadersSeeWhatHandlersAreTold) {
  Store<int> store;
  std::vector<std::string> told;
  store.OnChange([&](const Change<int>& change) {
    EXPECT_EQ(store.Get(change.key), change.after) << "the store shows the change first";
    told.push_back(change.key + ":" + (change.before ? std::to_string(*change.before) : "-") + ">" +
                   (change.after ? std::to_string(*change.after) : "-"));
  });
  store.Set("a/x", std::make_shared<const int>(1));
  store.Set("a/x", std::make_shared<const int>(2));
  store.Set("a/y", std::make_shared<const int>(3));
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(store.List().size(), 2U);
  EXPECT_EQ(store.Entries().size(), 2U);
  store.Erase("a/x");
  store.Erase("a/x");
  EXPECT_EQ(store.Get("a/x"), nullptr);
  EXPECT_EQ(*store.Get("a/y"), 3);
  EXPECT_EQ(told, (std::vector<std::string>{"a/x:->1", "a/x:1>2", "a/y:->3", "a/x:2>-"}));
}

TEST(Store, SyncedOnceIsSyncedForGood) {
  Store<int> store;
  EXPECT_FALSE(store.HasSynced());
  store.MarkSynced();
  EXPECT_TRUE(store.HasSynced());
}

}  // namespace
}  // namespace reliability::kube
