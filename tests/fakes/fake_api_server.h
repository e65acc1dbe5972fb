#pragma once
// An API server in memory, reached through http::Transport, so that the real client, reflector and
// controllers run against it. Thread-safe.
//
// Models: resource versions, generation, status and scale subresources, field ownership and apply
// (fake_api_objects.h), finalizers and deletionTimestamp, 404/409/410, preconditions, paging,
// label and metadata field selectors, watches with bookmarks, compaction, faults.
// Does not model: admission, CEL and schemas, defaulting, namespaces, garbage collection, quotas,
// authorisation, timeoutSeconds (a watch ends when the test says so). A claim about Kubernetes
// counts only when tests/cluster shows it.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/http/transport.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/core/resource.h"
#include "tests/fakes/fake_api_objects.h"

namespace reliability::fakes {

// What happens to the next `times` requests whose method and target match.
struct Fault {
  enum class Kind {
    kStatus,         // answers `status` and `reason`, does not act
    kUnreachable,    // no answer, did not act
    kActedNoAnswer,  // acts, then the connection breaks
    kTimeout,        // no answer in time, did not act
    kErrorEvent,     // watches: 200, then an ERROR event with `status` and `reason`
    kCutEvent,       // watches: breaks off inside the next event
    kCloseAtOnce,    // watches: 200 and the end
  };
  Kind kind = Kind::kStatus;
  std::string method = {};  // empty: any
  std::string target = {};  // part of path and query; empty: any
  int times = 1;
  int status = 500;
  std::string reason = {};
  int retry_after_seconds = 0;
};

// The next request of this kind is not allowed.
[[nodiscard]] inline Fault Forbidden(std::string method, std::string target) {
  return {.method = std::move(method),
          .target = std::move(target),
          .status = 403,
          .reason = "Forbidden"};
}

struct SeenRequest {
  std::string method;
  std::string target;
  std::string content_type;
  std::string body;
};

class FakeApiServer final : public http::Transport {
 public:
  using json = nlohmann::json;

  // Creates or replaces, status included, as somebody else (`manager`) would; returns it.
  json Put(const kube::Resource& resource, json object, const std::string& manager = "kubectl");
  // Merges into an object that exists, as somebody else would.
  json Merge(const kube::Resource& resource, std::string_view ns, std::string_view name,
             const json& patch, const std::string& manager = "kubectl");
  // Null if there is none.
  [[nodiscard]] json Get(const kube::Resource& resource, std::string_view ns,
                         std::string_view name) const;
  [[nodiscard]] std::vector<json> List(const kube::Resource& resource) const;
  void Remove(const kube::Resource& resource, std::string_view ns, std::string_view name);

  void AddFault(Fault fault);
  // Forgets the history: watches and pages from before now get 410.
  void Compact();
  void EndWatches();
  void SendBookmarks();
  // Bytes per piece of a watch; 0: each event whole.
  void SetChunkSize(std::size_t bytes);

  // Blocks until so many watches are open (of targets with this part).
  void AwaitWatches(std::size_t count, std::string_view part = {});
  // Blocks until so many matching requests were answered.
  void AwaitRequests(std::size_t count, std::string_view method, std::string_view part);
  [[nodiscard]] std::size_t Count(std::string_view method, std::string_view part) const;
  [[nodiscard]] std::vector<SeenRequest> Requests() const;
  // All POST, PUT, PATCH and DELETE so far.
  [[nodiscard]] std::size_t Writes() const;
  void ForgetRequests();

  Result<http::Response> Send(const http::Request& request, Milliseconds deadline) override;
  Result<http::Response> Stream(const http::Request& request, const http::StreamLimits& limits,
                                const http::ChunkCallback& on_chunk,
                                const std::stop_token& stop) override;

 private:
  struct Path;
  struct Query;
  struct Change {
    std::uint64_t version;
    std::string collection;
    std::string type;
    json before;  // null if it is new
    json after;   // of a deletion: the last state
  };
  using Objects = std::map<std::string, StoredObject>;  // by "ns/name"

  http::Response Handle(const http::Request& request) REQUIRES_LOCK(mutex_);
  http::Response HandleList(const Path& path, const Query& query) REQUIRES_LOCK(mutex_);
  http::Response HandleCreate(const Path& path, const Query& query, json body)
      REQUIRES_LOCK(mutex_);
  http::Response HandleChange(const Path& path, const Query& query, const http::Request& request)
      REQUIRES_LOCK(mutex_);
  http::Response HandleDelete(const Path& path, const json& options) REQUIRES_LOCK(mutex_);
  // Gives versions and generation, stores, tells the watches.
  json Commit(const std::string& collection, const std::string& key, const json& before,
              StoredObject stored) REQUIRES_LOCK(mutex_);
  void Erase(const std::string& collection, const std::string& key) REQUIRES_LOCK(mutex_);
  std::optional<Fault> TakeFault(const http::Request& request) REQUIRES_LOCK(mutex_);
  void Note(const http::Request& request) REQUIRES_LOCK(mutex_);
  // The next text for a watch at `cursor`; advances it. Empty: nothing yet.
  std::string NextEvents(const Path& path, const Query& query, std::uint64_t& cursor,
                         std::uint64_t& bookmarks) REQUIRES_LOCK(mutex_);

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Objects> collections_ GUARDED_BY(mutex_);
  std::deque<Change> history_ GUARDED_BY(mutex_);
  std::uint64_t version_ GUARDED_BY(mutex_) = 100;
  std::uint64_t compacted_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_uid_ GUARDED_BY(mutex_) = 1;
  std::uint64_t bookmarks_ GUARDED_BY(mutex_) = 0;
  std::uint64_t watch_round_ GUARDED_BY(mutex_) = 0;  // EndWatches ends those of older rounds
  std::size_t chunk_size_ GUARDED_BY(mutex_) = 0;
  std::vector<std::string> open_watches_ GUARDED_BY(mutex_);
  std::vector<Fault> faults_ GUARDED_BY(mutex_);
  std::vector<SeenRequest> requests_ GUARDED_BY(mutex_);
};

// A client of the fake, without a rate limit. `clock` and `transport` must outlive it.
[[nodiscard]] std::unique_ptr<kube::ApiClient> MakeFakeClient(http::Transport& transport,
                                                              Clock& clock);

}  // namespace reliability::fakes
