// operator new and delete of the sidecar: small blocks come from lists that each thread keeps.
//
// A proxied call makes about a hundred small objects (strings of heads and keys, coroutine frames,
// map nodes), and glibc's malloc and free cost more than all that is done with them. Blocks of up
// to kMaxSmall bytes are cut from one reserved range of addresses, so that a pointer says whose it
// is; everything else, and everything once the range is used up, is malloc's. A thread that frees
// more than it makes hands blocks over in batches. Memory is given back to other threads, never to
// the system: the range grows to the peak of small objects, which limits elsewhere bound.
//
// Not in sanitizer builds, which watch malloc. See docs/adr/0006-cost-of-a-call.md.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

namespace {

constexpr std::size_t kStep = 16;
constexpr std::size_t kMaxSmall = 4096;
constexpr std::size_t kClasses = kMaxSmall / kStep;
constexpr std::size_t kArenaBytes = std::size_t{256} << 20U;  // of addresses, not of memory
constexpr std::size_t kSpanBytes = std::size_t{16} << 10U;    // of one class
constexpr std::size_t kSpans = kArenaBytes / kSpanBytes;
constexpr std::size_t kBatchBytes = 8192;  // moved between a thread and the others at a time

struct Block {
  Block* next;
};

// What a thread keeps of one class.
struct Cache {
  Block* head;
  std::size_t count;
};
constinit thread_local std::array<Cache, kClasses> caches{};

constexpr std::size_t ClassOf(std::size_t bytes) { return (bytes - 1) / kStep; }
constexpr std::size_t BytesOf(std::size_t at) { return (at + 1) * kStep; }

// Blocks of each class that are moved at a time.
constexpr std::array<std::uint16_t, kClasses> MakeBatches() {
  std::array<std::uint16_t, kClasses> batches{};
  for (std::size_t at = 0; at < kClasses; ++at) {
    batches[at] = static_cast<std::uint16_t>(kBatchBytes / BytesOf(at));
  }
  return batches;
}
constexpr std::array<std::uint16_t, kClasses> kBatches = MakeBatches();

// Shared by all threads; ready before any constructor runs, and never destroyed.
class Arena {
 public:
  constexpr Arena() = default;

  [[nodiscard]] bool Owns(const void* block) const {
    return reinterpret_cast<std::uintptr_t>(block) - base_ < kArenaBytes;
  }
  [[nodiscard]] std::size_t ClassOfBlock(const void* block) const {
    return span_class_[(reinterpret_cast<std::uintptr_t>(block) - base_) / kSpanBytes];
  }

  // A list of up to a batch of blocks; `count` says how many. nullptr: the range is used up.
  Block* Take(std::size_t at, std::size_t& count) {
    const std::lock_guard lock(mutex_);
    count = 0;
    Block* list = nullptr;
    Shared& shared = shared_[at];
    while (count < kBatches[at]) {
      Block* block = shared.head;
      if (block != nullptr) {
        shared.head = block->next;
      } else if (block = Cut(at, shared); block == nullptr) {
        break;
      }
      block->next = list;
      list = block;
      ++count;
    }
    return list;
  }
  // Takes a list from `first` to `last`.
  void Give(std::size_t at, Block* first, Block* last) {
    const std::lock_guard lock(mutex_);
    last->next = shared_[at].head;
    shared_[at].head = first;
  }

 private:
  struct Shared {
    Block* head = nullptr;
    std::uintptr_t fresh = 0;  // of the span that is being cut
    std::uintptr_t end = 0;
  };

  Block* Cut(std::size_t at, Shared& shared) {
    if (shared.fresh + BytesOf(at) > shared.end) {
      if (base_ == kNowhere && !Reserve()) {
        return nullptr;
      }
      if (used_ == kSpans) {
        return nullptr;
      }
      span_class_[used_] = static_cast<std::uint8_t>(at);
      shared.fresh = base_ + used_ * kSpanBytes;
      shared.end = shared.fresh + kSpanBytes;
      ++used_;
    }
    const std::uintptr_t block = shared.fresh;
    shared.fresh += BytesOf(at);
    return reinterpret_cast<Block*>(block);
  }
  bool Reserve() {
    void* range = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
      return false;
    }
    base_ = reinterpret_cast<std::uintptr_t>(range);
    return true;
  }

  static constexpr std::uintptr_t kNowhere = UINTPTR_MAX;  // owns no address
  std::uintptr_t base_ = kNowhere;  // set once, before any block is handed out
  std::mutex mutex_;
  std::size_t used_ = 0;
  std::array<Shared, kClasses> shared_{};
  std::array<std::uint8_t, kSpans> span_class_{};
};
static_assert(kClasses <= 256);
constinit Arena arena;

void* FromSystem(std::size_t bytes) {
  void* block = std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) {
    std::fputs("agent-reliability-sidecar: out of memory\n", stderr);
    std::abort();
  }
  return block;
}

[[gnu::noinline]] void* Refill(std::size_t at) {
  Cache& cache = caches[at];
  cache.head = arena.Take(at, cache.count);
  if (cache.head == nullptr) {
    return FromSystem(BytesOf(at));
  }
  Block* block = cache.head;
  cache.head = block->next;
  --cache.count;
  return block;
}

// Keeps one batch, gives the other away.
[[gnu::noinline]] void Spill(std::size_t at) {
  Cache& cache = caches[at];
  Block* last = cache.head;
  for (std::size_t i = 1; i < kBatches[at]; ++i) {
    last = last->next;
  }
  Block* first = cache.head;
  cache.head = last->next;
  cache.count -= kBatches[at];
  arena.Give(at, first, last);
}

void* Allocate(std::size_t bytes) {
  const std::size_t at = ClassOf(bytes);
  if (at >= kClasses) {  // also for 0 bytes
    return FromSystem(bytes);
  }
  Cache& cache = caches[at];
  Block* block = cache.head;
  if (block == nullptr) {
    return Refill(at);
  }
  cache.head = block->next;
  --cache.count;
  return block;
}

void Free(void* memory) {
  if (!arena.Owns(memory)) {
    std::free(memory);
    return;
  }
  const std::size_t at = arena.ClassOfBlock(memory);
  Cache& cache = caches[at];
  auto* block = static_cast<Block*>(memory);
  block->next = cache.head;
  cache.head = block;
  if (++cache.count >= 2 * std::size_t{kBatches[at]}) {
    Spill(at);
  }
}

}  // namespace

void* operator new(std::size_t bytes) { return Allocate(bytes); }
void* operator new[](std::size_t bytes) { return Allocate(bytes); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }

#endif
