#include "libs/net/frame_cache.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RELIABILITY_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RELIABILITY_SANITIZED 1
#endif

namespace reliability::net {
namespace {

#if defined(RELIABILITY_SANITIZED)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

constexpr std::size_t kStep = 64;

struct Free {
  Free* next;
};
struct Cache {
  std::array<Free*, FrameCache::kMaxFrame / kStep + 1> by_size{};
  std::size_t kept = 0;
  bool closed = false;  // the thread ends
};
// Without a destructor: so using it needs no check whether it was made.
constinit thread_local Cache cache;

struct Closer {
  ~Closer() {
    cache.closed = true;
    FrameCache::Clear();
  }
};

// Once a thread: from now on its end clears the cache.
void ClearAtEnd() { thread_local const Closer closer; }

constexpr std::size_t Steps(std::size_t bytes) { return (bytes + kStep - 1) / kStep; }

}  // namespace

void* FrameCache::Take(std::size_t bytes) {
  if (bytes > kMaxFrame) {
    return ::operator new(bytes);
  }
  const std::size_t steps = Steps(bytes);
  Free* const free = cache.by_size[steps];
  if (free == nullptr) {
    return ::operator new(steps * kStep);
  }
  cache.by_size[steps] = free->next;
  cache.kept -= steps * kStep;
  return free;
}

void FrameCache::Give(void* frame, std::size_t bytes) noexcept {
  const std::size_t steps = Steps(bytes);
  if (!kKeeps || bytes > kMaxFrame || cache.closed || cache.kept + steps * kStep > kMaxKept) {
    ::operator delete(frame);
    return;
  }
  if (cache.kept == 0) {
    ClearAtEnd();
  }
  cache.by_size[steps] = new (frame) Free{cache.by_size[steps]};
  cache.kept += steps * kStep;
}

std::size_t FrameCache::kept() { return cache.kept; }

void FrameCache::Clear() noexcept {
  for (Free*& list : cache.by_size) {
    while (list != nullptr) {
      Free* const frame = list;
      list = frame->next;
      ::operator delete(frame);
    }
  }
  cache.kept = 0;
}

}  // namespace reliability::net
