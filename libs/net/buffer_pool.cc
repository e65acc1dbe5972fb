#include "libs/net/buffer_pool.h"

#include <cstring>

namespace reliability::net {
namespace {

constexpr std::size_t kKeptBlocks = 64;  // 1 MiB; a burst's other blocks go back to the system

}  // namespace

void Buffer::Compact() {
  if (begin_ > 0) {
    std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
}

void Buffer::Release() {
  if (block_ != nullptr) {
    pool_->Return(std::move(block_));
    begin_ = end_ = 0;
  }
}

Buffer BufferPool::Acquire() {
  Buffer buffer;
  buffer.pool_ = this;
  if (free_.empty()) {
    // Not value-initialised: every byte is written before it is read.
    buffer.block_ = std::unique_ptr<char[]>(new char[kBlockBytes + kBlockPadding]);
  } else {
    buffer.block_ = std::move(free_.back());
    free_.pop_back();
  }
  ++in_use_;
  return buffer;
}

void BufferPool::Return(std::unique_ptr<char[]> block) {
  --in_use_;
  if (free_.size() < kKeptBlocks) {
    free_.push_back(std::move(block));
  }
}

}  // namespace reliability::net
