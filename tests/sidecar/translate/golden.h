#pragma once
// Golden files of the translation: read, compare, or, with RELIABILITY_GOLDEN_UPDATE=1 set, write.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace reliability::sidecar::translate::golden {

namespace fs = std::filesystem;

inline fs::path Folder() { return RELIABILITY_TRANSLATE_GOLDEN; }

inline std::string Read(const fs::path& path) {
  const std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Names without suffix, sorted.
inline std::vector<std::string> Names(const std::string& folder, const std::string& suffix) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(Folder() / folder)) {
    if (entry.path().extension() == suffix) {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  EXPECT_FALSE(names.empty()) << folder;
  return names;
}

inline void Expect(const fs::path& path, const std::string& text) {
  if (std::getenv("RELIABILITY_GOLDEN_UPDATE") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(Read(path), text) << path;
}

}  // namespace reliability::sidecar::translate::golden
