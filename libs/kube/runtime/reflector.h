#pragma once
// Keeps a Store equal to what the API server has: list in pages, watch, relist when history
// expired.
//
//   EMPTY --list ok--> WATCHING --end or cut--> WATCHING (from the last version seen)
//     ^  \--error: back off--/     |
//     +------ 410 (answer or ERROR event) ------+
//
// One thread per reflector. An object that cannot be decoded is logged and counted, keeps its last
// good version in the store, and does not stop the others.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/kube/core/resource.h"
#include "libs/kube/runtime/store.h"

namespace reliability::kube {

class ApiClient;

struct ReflectorOptions {
  Resource resource = {};
  std::string ns = {};  // empty: all namespaces
  std::string label_selector = {};
  std::string field_selector = {};
  int page_size = 500;
  Milliseconds watch_min{5 * 60'000};  // a watch lasts a random time between the two
  Milliseconds watch_max{10 * 60'000};
  std::uint64_t seed = 0;  // of the jitter; 0: random
};

struct ReflectorStats {
  std::uint64_t lists = 0;            // complete lists
  std::uint64_t watches = 0;          // watches begun
  std::uint64_t expired = 0;          // 410 in either form
  std::uint64_t errors = 0;           // lists and watches that failed otherwise
  std::uint64_t decode_failures = 0;  // objects
  MonotonicTime last_contact{};       // last byte of sense from the server
};

// What a reflector writes to; StoreSink below is the one there is.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // `raw_json` is followed by at least 64 readable bytes.
  [[nodiscard]] virtual Status Set(const std::string& key, std::string_view raw_json) = 0;
  virtual void Erase(const std::string& key) = 0;
  virtual void MarkSynced() = 0;
};

// The loop without the type of the objects.
class ReflectorLoop {
 public:
  // References must outlive the loop.
  ReflectorLoop(ApiClient& client, Clock& clock, ObjectSink& sink, ReflectorOptions options);
  ~ReflectorLoop();
  ReflectorLoop(const ReflectorLoop&) = delete;
  ReflectorLoop& operator=(const ReflectorLoop&) = delete;

  void Start();
  void Stop();  // returns when the thread has ended; may be called twice
  [[nodiscard]] bool HasSynced() const;
  // False if `timeout` (real time) passed or stop was requested first.
  [[nodiscard]] bool WaitSynced(Milliseconds timeout, const std::stop_token& stop = {}) const;
  [[nodiscard]] ReflectorStats Stats() const;
  // The last failed list or watch, empty while the last one was good (for /readyz and logs).
  [[nodiscard]] std::string LastError() const;
  [[nodiscard]] const Resource& resource() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

template <class T>
class Reflector {
 public:
  // Reads one object from raw JSON that is followed by at least 64 readable bytes
  // (simdjson::padded_string_view(raw.data(), raw.size(), raw.size() + 64)).
  using Decode = std::function<Result<T>(std::string_view raw_json)>;

  Reflector(ApiClient& client, Clock& clock, Store<T>& store, Decode decode,
            ReflectorOptions options)
      : sink_(store, std::move(decode)), loop_(client, clock, sink_, std::move(options)) {}

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  [[nodiscard]] bool HasSynced() const { return loop_.HasSynced(); }
  [[nodiscard]] bool WaitSynced(Milliseconds timeout, const std::stop_token& stop = {}) const {
    return loop_.WaitSynced(timeout, stop);
  }
  [[nodiscard]] ReflectorStats Stats() const { return loop_.Stats(); }
  [[nodiscard]] ReflectorLoop& loop() { return loop_; }

 private:
  class StoreSink final : public ObjectSink {
   public:
    StoreSink(Store<T>& store, Decode decode) : store_(store), decode_(std::move(decode)) {}
    Status Set(const std::string& key, std::string_view raw_json) override {
      Result<T> object = decode_(raw_json);
      if (!object) {
        return Fail(std::move(object).error());
      }
      store_.Set(key, std::make_shared<const T>(*std::move(object)));
      return {};
    }
    void Erase(const std::string& key) override { store_.Erase(key); }
    void MarkSynced() override { store_.MarkSynced(); }

   private:
    Store<T>& store_;
    Decode decode_;
  };

  StoreSink sink_;
  ReflectorLoop loop_;
};

}  // namespace reliability::kube
