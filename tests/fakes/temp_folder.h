#pragma once
// A folder of its own for a test, removed with it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace reliability::fakes {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "agent-reliability-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Replaces the file in one step.
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/." + name) << text;
    std::filesystem::rename(path_ + "/." + name, path_ + "/" + name);
  }

 private:
  std::string path_;
};

}  // namespace reliability::fakes
