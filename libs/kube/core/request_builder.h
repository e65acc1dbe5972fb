#pragma once
// Builds requests of the Kubernetes API; no I/O. Pure functions.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/kube/core/resource.h"

namespace reliability::kube {

// A request before it has a server: the client adds address, credentials and time limits.
struct ApiRequest {
  std::string method = {};
  std::string target = {};        // path and query, percent-encoded
  std::string content_type = {};  // empty if there is no body
  std::string body = {};
  Milliseconds watch_timeout{0};  // watches only: after it the server ends the answer
  Milliseconds deadline{0};       // longest time to the answer; 0: the client's default
};

enum class Subresource { kNone, kStatus, kScale };

struct ListOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  int limit = 0;  // 0: everything in one answer
  std::string continue_token = {};
  std::string resource_version = {};  // "0": any version from the server's cache; empty: the newest
};

struct WatchOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  std::string resource_version = {};
  Milliseconds timeout{0};  // the server ends the watch after it (whole seconds)
  bool bookmarks = true;
};

struct WriteOptions {
  Subresource subresource = Subresource::kNone;
  std::string field_manager = {};  // required for Apply
  bool force = false;              // Apply only: take over fields of other managers
  bool dry_run = false;
};

struct DeleteOptions {
  std::string uid = {};               // delete only this incarnation; empty: any
  std::string resource_version = {};  // delete only this version; empty: any
  std::string propagation = {};       // Background, Foreground, Orphan; empty: the kind's default
};

[[nodiscard]] ApiRequest BuildGet(const ObjectRef& ref,
                                  Subresource subresource = Subresource::kNone);
// An empty `ns` lists or watches all namespaces.
[[nodiscard]] ApiRequest BuildList(const Resource& resource, std::string_view ns,
                                   const ListOptions& options);
[[nodiscard]] ApiRequest BuildWatch(const Resource& resource, std::string_view ns,
                                    const WatchOptions& options);
[[nodiscard]] ApiRequest BuildCreate(const Resource& resource, std::string_view ns,
                                     std::string body, const WriteOptions& options = {});
// The body's metadata.resourceVersion makes it conditional (409 if somebody was faster).
[[nodiscard]] ApiRequest BuildReplace(const ObjectRef& ref, std::string body,
                                      const WriteOptions& options = {});
[[nodiscard]] ApiRequest BuildDelete(const ObjectRef& ref, const DeleteOptions& options = {});
[[nodiscard]] ApiRequest BuildMergePatch(const ObjectRef& ref, std::string body,
                                         const WriteOptions& options = {});
[[nodiscard]] ApiRequest BuildJsonPatch(const ObjectRef& ref, std::string body,
                                        const WriteOptions& options = {});
// Server-side apply; the body names apiVersion, kind, metadata.name and every field we own.
[[nodiscard]] ApiRequest BuildApply(const ObjectRef& ref, std::string body,
                                    const WriteOptions& options);
// Sets replicas through the scale subresource; `resource_version` makes it conditional.
[[nodiscard]] ApiRequest BuildScale(const ObjectRef& ref, std::int64_t replicas,
                                    std::string_view resource_version = {},
                                    const WriteOptions& options = {});

}  // namespace reliability::kube
