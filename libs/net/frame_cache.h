#pragma once
// Memory of coroutine frames: a frame that ends leaves it to the next one of its size. A call makes
// some ten frames, and the allocator's way for those of a kilobyte and more is slow. The compiler
// knows the size of each frame: what is here in line is a few instructions then.
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

  [[nodiscard]] static void* Take(std::size_t bytes) {
    if (bytes > kMaxFrame) {
      return ::operator new(bytes);
    }
    Free*& first = cache_.by_size[Steps(bytes)];
    Free* const frame = first;
    if (frame == nullptr) {
      return ::operator new(Steps(bytes) * kStep);
    }
    first = frame->next;
    cache_.room += Steps(bytes) * kStep;
    return frame;
  }
  // `bytes`: as it was taken.
  static void Give(void* frame, std::size_t bytes) noexcept {
    if (bytes > kMaxFrame || Steps(bytes) * kStep > cache_.room) {
      GiveAtFirst(frame, bytes);
      return;
    }
    Free*& first = cache_.by_size[Steps(bytes)];
    first = new (frame) Free{first};
    cache_.room -= Steps(bytes) * kStep;
  }
  // Of this thread.
  [[nodiscard]] static std::size_t kept() { return cache_.open ? kMaxKept - cache_.room : 0; }
  static void Clear() noexcept;

 private:
  static constexpr std::size_t kStep = 64;
  [[nodiscard]] static constexpr std::size_t Steps(std::size_t bytes) {
    return (bytes + kStep - 1) / kStep;
  }
  struct Free {
    Free* next;
  };
  struct Cache {
    std::array<Free*, kMaxFrame / kStep + 1> by_size{};
    std::size_t room = 0;  // none before the thread's first frame and after its end
    bool open = false;     // the thread's end will clear it
    bool closed = false;   // the thread ends
  };
  struct Closer;

  // Opens the cache if the thread gives its first frame; frees what there is no room for.
  static void GiveAtFirst(void* frame, std::size_t bytes) noexcept;

  // Without a destructor: so using it needs no check whether it was made.
  static constinit thread_local Cache cache_;  // NOLINT(readability-identifier-naming): a member
};

}  // namespace reliability::net
