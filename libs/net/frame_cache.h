#pragma once
// Memory of coroutine frames: a frame that ends leaves it to the next one of its size. A call makes
// some twenty frames, and the allocator's way for those of a kilobyte and more is slow.
//
// One cache per thread; a frame may be given back on another thread than it came from. What is kept
// is bounded. With sanitizers nothing is kept, so that they see a frame used after its end.
#include <array>
#include <cstddef>
#include <new>

namespace reliability::net {

class FrameCache {
 public:
  // Larger frames are not kept.
  static constexpr std::size_t kMaxFrame = 4096;
  // Kept at most, per thread.
  static constexpr std::size_t kMaxKept = std::size_t{128} * 1024;

  [[nodiscard]] static void* Take(std::size_t bytes);
  // `bytes`: as it was taken.
  static void Give(void* frame, std::size_t bytes) noexcept;
  // Of this thread.
  [[nodiscard]] static std::size_t kept();
  static void Clear() noexcept;
};

}  // namespace reliability::net
