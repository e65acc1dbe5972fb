#pragma once
// A mutex that clang's thread-safety analysis understands (std::mutex defeats it).
// Never held over I/O or a callback.
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define RELIABILITY_TSA(x) __attribute__((x))
#else
#define RELIABILITY_TSA(x)
#endif
#define GUARDED_BY(x) RELIABILITY_TSA(guarded_by(x))
#define REQUIRES_LOCK(...) RELIABILITY_TSA(requires_capability(__VA_ARGS__))

namespace reliability {

class RELIABILITY_TSA(capability("mutex")) Mutex {
 public:
  void lock() RELIABILITY_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() RELIABILITY_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() RELIABILITY_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class RELIABILITY_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RELIABILITY_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() RELIABILITY_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace reliability
