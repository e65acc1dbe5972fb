#include "libs/net/frame_cache.h"

#include "libs/base/sanitizers.h"

namespace reliability::net {
namespace {

#if defined(RELIABILITY_SANITIZED)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

}  // namespace

constinit thread_local FrameCache::Cache FrameCache::cache_;

struct FrameCache::Closer {
  ~Closer() {
    Clear();
    cache_.open = false;
    cache_.closed = true;
    cache_.room = 0;
  }
};

void FrameCache::GiveAtFirst(void* frame, std::size_t bytes) noexcept {
  if (!kKeeps || bytes > kMaxFrame || cache_.open || cache_.closed) {
    ::operator delete(frame);
    return;
  }
  thread_local const Closer closer;
  cache_.open = true;
  cache_.room = kMaxKept;
  Give(frame, bytes);
}

void FrameCache::Clear() noexcept {
  for (Free*& list : cache_.by_size) {
    while (list != nullptr) {
      Free* const frame = list;
      list = frame->next;
      ::operator delete(frame);
    }
  }
  cache_.room = cache_.open ? kMaxKept : 0;
}

}  // namespace reliability::net
