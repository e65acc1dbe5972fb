#pragma once
// Fixed blocks that are held only while a transfer is active: an idle connection owns none.
// One pool per loop; loop thread only. Blocks must not outlive their pool.
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace reliability::net {

inline constexpr std::size_t kBlockBytes = std::size_t{16} * 1024;
// JSON readers may look this far past the end of their input.
inline constexpr std::size_t kBlockPadding = 64;

class BufferPool;

// A block with a window of bytes in use: [begin, end).
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(block_, other.block_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    return *this;
  }
  ~Buffer() { Release(); }

  [[nodiscard]] bool held() const { return block_ != nullptr; }
  [[nodiscard]] std::string_view view() const { return {block_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] char* space() { return block_.get() + end_; }
  [[nodiscard]] std::size_t space_bytes() const { return kBlockBytes - end_; }
  void Commit(std::size_t bytes) { end_ += bytes; }
  void Consume(std::size_t bytes) { begin_ += bytes; }
  void Clear() { begin_ = end_ = 0; }
  // Gives the space behind `mark` back once everything was consumed; bytes before it stay.
  void RewindTo(std::size_t mark) { begin_ = end_ = mark; }
  [[nodiscard]] std::size_t begin() const { return begin_; }
  // Moves the window to the start of the block; views into it become invalid.
  void Compact();
  void Release();

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class BufferPool {
 public:
  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] Buffer Acquire();
  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  friend class Buffer;
  void Return(std::unique_ptr<char[]> block);

  std::vector<std::unique_ptr<char[]>> free_;
  std::size_t in_use_ = 0;
};

}  // namespace reliability::net
