#pragma once
// MCP calls in flight that their server knows under another id than the agent does, because they
// were sent again: what the agent says about its own id goes on about the server's (data-plane
// ruling 27). Calls without an MCP session are not kept: two of them may have the same id.
//
// Thread-safe: a call and its cancellation may arrive at different workers.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/mutex.h"

namespace reliability::sidecar::proxy {

class RenamedCalls {
 public:
  static constexpr std::size_t kMaxCalls = 1024;
  static constexpr std::size_t kMaxKeyBytes = 1024;  // of route, session and id together

  // One call's place in the table, until the object ends; must not outlive the table.
  class Entry {
   public:
    Entry() = default;
    ~Entry() { Release(); }
    Entry(Entry&& other) noexcept;
    Entry& operator=(Entry&& other) noexcept;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    friend class RenamedCalls;
    void Release();
    RenamedCalls* table_ = nullptr;  // nullptr: none
    std::string key_;
    std::uint64_t serial_ = 0;
  };

  RenamedCalls() = default;
  RenamedCalls(const RenamedCalls&) = delete;
  RenamedCalls& operator=(const RenamedCalls&) = delete;

  // `id_json`: the agent's, as written; `upstream_id_json`: what the server got last. The newest
  // entry of an id counts. Empty if there is no room, no session, or the names are too long.
  [[nodiscard]] Entry Add(std::string_view route, std::string_view session,
                          std::string_view id_json, std::string upstream_id_json);
  // What the server knows the agent's id as; nullopt: no such call is in flight.
  [[nodiscard]] std::optional<std::string> UpstreamId(std::string_view route,
                                                      std::string_view session,
                                                      std::string_view id_json) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Known {
    std::string upstream_id_json;
    std::uint64_t serial = 0;
  };
  void Remove(const std::string& key, std::uint64_t serial);

  mutable Mutex mutex_;
  std::map<std::string, Known, std::less<>> calls_ GUARDED_BY(mutex_);
  std::uint64_t next_serial_ GUARDED_BY(mutex_) = 1;
};

}  // namespace reliability::sidecar::proxy
