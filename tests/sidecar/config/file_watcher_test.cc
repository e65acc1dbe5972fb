#include "sidecar/config/file_watcher.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fakes/temp_folder.h"

namespace reliability::sidecar::config {
namespace {

TEST(FileWatcher, SeesReplacedFilesAndSwappedLinks) {
  const fakes::TempFolder folder;
  FileWatcher watcher({folder.path()});
  ASSERT_FALSE(watcher.polling());
  EXPECT_FALSE(watcher.Wait(Milliseconds{0}));
  folder.Write("policy.json", "{}");
  EXPECT_TRUE(watcher.Wait(Milliseconds{5000}));

  // As the kubelet does it.
  std::filesystem::create_directory(folder / "..1");
  std::filesystem::create_symlink("..1", folder / "..data_tmp");
  while (watcher.Wait(Milliseconds{0})) {
  }
  std::filesystem::rename(folder / "..data_tmp", folder / "..data");
  EXPECT_TRUE(watcher.Wait(Milliseconds{5000}));
}

TEST(FileWatcher, WakeEndsTheWaitWithoutALook) {
  const fakes::TempFolder folder;
  FileWatcher watcher({folder.path()});
  watcher.Wake();
  EXPECT_FALSE(watcher.Wait(std::nullopt));
}

TEST(FileWatcher, PollsIfAFolderCannotBeWatched) {
  FileWatcher watcher({"/no/such/folder"});
  EXPECT_TRUE(watcher.polling());
  EXPECT_TRUE(watcher.Wait(Milliseconds{0}));
}

}  // namespace
}  // namespace reliability::sidecar::config
