#include "libs/kube/core/request_builder.h"

#include <algorithm>
#include <utility>

#include "libs/base/strings.h"

namespace reliability::kube {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kJsonPatch = "application/json-patch+json";
// The body is JSON, which is YAML; the server has no apply type for JSON before 1.36.
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";

// RFC 3986 unreserved characters stay, everything else is encoded: safe in a path segment and in
// a query value.
void AppendEncoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    }
  }
}

std::string CollectionPath(const Resource& resource, std::string_view ns) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/";
  if (!resource.group.empty()) {
    path.append(resource.group).append("/");
  }
  path.append(resource.version);
  if (resource.namespaced && !ns.empty()) {
    path += "/namespaces/";
    AppendEncoded(path, ns);
  }
  path.append("/").append(resource.plural);
  return path;
}

std::string ObjectPath(const ObjectRef& ref, Subresource subresource) {
  std::string path = CollectionPath(ref.resource, ref.ns);
  path += '/';
  AppendEncoded(path, ref.name);
  switch (subresource) {
    case Subresource::kNone:
      break;
    case Subresource::kStatus:
      path += "/status";
      break;
    case Subresource::kScale:
      path += "/scale";
      break;
  }
  return path;
}

void AddQuery(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) {
    return;
  }
  target += target.find('?') == std::string::npos ? '?' : '&';
  target.append(name).append("=");
  AppendEncoded(target, value);
}

void AddWriteQuery(std::string& target, const WriteOptions& options) {
  AddQuery(target, "fieldManager", options.field_manager);
  AddQuery(target, "dryRun", options.dry_run ? "All" : "");
}

ApiRequest Patch(const ObjectRef& ref, std::string_view content_type, std::string body,
                 const WriteOptions& options) {
  ApiRequest request{"PATCH",
                     ObjectPath(ref, options.subresource),
                     std::string(content_type),
                     std::move(body),
                     {}};
  AddWriteQuery(request.target, options);
  return request;
}

}  // namespace

ApiRequest BuildGet(const ObjectRef& ref, Subresource subresource) {
  return {"GET", ObjectPath(ref, subresource), {}, {}, {}, {}};
}

ApiRequest BuildList(const Resource& resource, std::string_view ns, const ListOptions& options) {
  ApiRequest request{"GET", CollectionPath(resource, ns), {}, {}, {}, {}};
  AddQuery(request.target, "labelSelector", options.label_selector);
  AddQuery(request.target, "fieldSelector", options.field_selector);
  AddQuery(request.target, "limit", options.limit > 0 ? std::to_string(options.limit) : "");
  AddQuery(request.target, "continue", options.continue_token);
  // The server refuses a version together with a continue token, which holds one already.
  if (options.continue_token.empty()) {
    AddQuery(request.target, "resourceVersion", options.resource_version);
  }
  return request;
}

ApiRequest BuildWatch(const Resource& resource, std::string_view ns, const WatchOptions& options) {
  ApiRequest request{"GET", CollectionPath(resource, ns), {}, {}, {}, {}};
  AddQuery(request.target, "watch", "true");
  AddQuery(request.target, "allowWatchBookmarks", options.bookmarks ? "true" : "");
  AddQuery(request.target, "labelSelector", options.label_selector);
  AddQuery(request.target, "fieldSelector", options.field_selector);
  AddQuery(request.target, "resourceVersion", options.resource_version);
  request.watch_timeout = options.timeout;
  if (options.timeout.count() > 0) {
    AddQuery(request.target, "timeoutSeconds",
             std::to_string(std::max<std::int64_t>(1, options.timeout.count() / 1000)));
  }
  return request;
}

ApiRequest BuildCreate(const Resource& resource, std::string_view ns, std::string body,
                       const WriteOptions& options) {
  ApiRequest request{"POST", CollectionPath(resource, ns), std::string(kJson), std::move(body), {},
                     {}};
  AddWriteQuery(request.target, options);
  return request;
}

ApiRequest BuildReplace(const ObjectRef& ref, std::string body, const WriteOptions& options) {
  ApiRequest request{
      "PUT", ObjectPath(ref, options.subresource), std::string(kJson), std::move(body), {}, {}};
  AddWriteQuery(request.target, options);
  return request;
}

ApiRequest BuildDelete(const ObjectRef& ref, const DeleteOptions& options) {
  ApiRequest request{"DELETE", ObjectPath(ref, Subresource::kNone), {}, {}, {}, {}};
  std::string fields;
  if (!options.propagation.empty()) {
    fields += ",\"propagationPolicy\":" + JsonString(options.propagation);
  }
  std::string preconditions;
  if (!options.uid.empty()) {
    preconditions += "\"uid\":" + JsonString(options.uid);
  }
  if (!options.resource_version.empty()) {
    preconditions += preconditions.empty() ? "" : ",";
    preconditions += "\"resourceVersion\":" + JsonString(options.resource_version);
  }
  if (!preconditions.empty()) {
    fields += ",\"preconditions\":{" + preconditions + "}";
  }
  if (!fields.empty()) {
    request.content_type = kJson;
    request.body = R"({"apiVersion":"v1","kind":"DeleteOptions")" + fields + "}";
  }
  return request;
}

ApiRequest BuildMergePatch(const ObjectRef& ref, std::string body, const WriteOptions& options) {
  return Patch(ref, kMergePatch, std::move(body), options);
}

ApiRequest BuildJsonPatch(const ObjectRef& ref, std::string body, const WriteOptions& options) {
  return Patch(ref, kJsonPatch, std::move(body), options);
}

ApiRequest BuildApply(const ObjectRef& ref, std::string body, const WriteOptions& options) {
  ApiRequest request = Patch(ref, kApplyPatch, std::move(body), options);
  AddQuery(request.target, "force", options.force ? "true" : "");
  return request;
}

ApiRequest BuildScale(const ObjectRef& ref, std::int64_t replicas,
                      std::string_view resource_version, const WriteOptions& options) {
  std::string body = "{";
  if (!resource_version.empty()) {
    body += "\"metadata\":{\"resourceVersion\":" + JsonString(resource_version) + "},";
  }
  body += "\"spec\":{\"replicas\":" + std::to_string(replicas) + "}}";
  WriteOptions scale = options;
  scale.subresource = Subresource::kScale;
  return BuildMergePatch(ref, std::move(body), scale);
}

}  // namespace reliability::kube
