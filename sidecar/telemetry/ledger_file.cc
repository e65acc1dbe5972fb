#include "sidecar/telemetry/ledger_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace reliability::sidecar::telemetry {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

auto Failed(const std::string& path, const char* what) {
  const int error = errno;
  return Fail(error == ENOENT ? Code::kNotFound : Code::kUnavailable,
              path + ": cannot " + what + ": " + std::strerror(error));
}

}  // namespace

Result<std::string> ReadLedgerFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return Failed(path, "open");
  }
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return Failed(path, "read");
    }
    if (count == 0) {
      return text;
    }
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kMaxFileBytes) {
      return Fail(Code::kInvalid, path + ": larger than 1 MiB");
    }
  }
}

Status WriteLedgerFile(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  {
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.get() < 0) {
      return Failed(temporary, "create");
    }
    while (!text.empty()) {
      const ssize_t count = ::write(file.get(), text.data(), text.size());
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        return Failed(temporary, "write");
      }
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  // No fsync: the file has to survive the container, not the node (the pod's emptyDir would not).
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Failed(path, "rename into place");
  }
  return {};
}

}  // namespace reliability::sidecar::telemetry
