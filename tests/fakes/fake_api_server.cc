#include "tests/fakes/fake_api_server.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "libs/base/strings.h"
#include "libs/kube/client/credentials.h"
#include "tests/fakes/fake_api_internal.h"

namespace reliability::fakes {
namespace {

using nlohmann::json;

constexpr std::string_view kServer = "http://fake.test";

}  // namespace

json FakeApiServer::Put(const kube::Resource& resource, json object, const std::string& manager) {
  const MutexLock lock(mutex_);
  object["apiVersion"] = resource.ApiVersion();
  object["kind"] = resource.kind;
  const json& metadata = object["metadata"];
  const std::string key =
      kube::MakeKey(metadata.value("namespace", ""), metadata.value("name", ""));
  const std::string collection = CollectionOf(resource);
  Objects& objects = collections_[collection];
  StoredObject stored = objects.contains(key) ? objects[key] : StoredObject{};
  const json before = stored.object;
  UpdateObject(stored, object, {manager, ""});
  UpdateObject(stored, object, {manager, "status"});
  return Commit(collection, key, before, std::move(stored));
}

json FakeApiServer::Merge(const kube::Resource& resource, std::string_view ns,
                          std::string_view name, const json& patch, const std::string& manager) {
  json object = Get(resource, ns, name);
  object.merge_patch(patch);
  object["metadata"].erase("managedFields");
  return Put(resource, std::move(object), manager);
}

json FakeApiServer::Get(const kube::Resource& resource, std::string_view ns,
                        std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto objects = collections_.find(CollectionOf(resource));
  if (objects == collections_.end()) {
    return nullptr;
  }
  const auto it = objects->second.find(kube::MakeKey(ns, name));
  return it == objects->second.end() ? json(nullptr) : it->second.Shown();
}

std::vector<json> FakeApiServer::List(const kube::Resource& resource) const {
  const MutexLock lock(mutex_);
  std::vector<json> out;
  if (const auto it = collections_.find(CollectionOf(resource)); it != collections_.end()) {
    for (const auto& [key, stored] : it->second) {
      out.push_back(stored.Shown());
    }
  }
  return out;
}

void FakeApiServer::Remove(const kube::Resource& resource, std::string_view ns,
                           std::string_view name) {
  const MutexLock lock(mutex_);
  Erase(CollectionOf(resource), kube::MakeKey(ns, name));
}

json FakeApiServer::Commit(const std::string& collection, const std::string& key,
                           const json& before, StoredObject stored) {
  Objects& objects = collections_[collection];
  const bool unchanged =
      !before.is_null() && objects.contains(key) && objects[key].Shown() == stored.Shown();
  if (unchanged) {
    return stored.Shown();
  }
  json& metadata = stored.object["metadata"];
  if (before.is_null()) {
    metadata["uid"] = "uid-" + std::to_string(next_uid_++);
    metadata["creationTimestamp"] = "2026-01-01T00:00:00Z";
    metadata["generation"] = 1;
  } else if (SpecDiffers(before, stored.object)) {
    metadata["generation"] = before["metadata"].value("generation", 0) + 1;
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  const json shown = stored.Shown();
  if (metadata.contains("deletionTimestamp") &&
      metadata.value("finalizers", json::array()).empty()) {
    objects[key] = std::move(stored);
    Erase(collection, key);
    return shown;
  }
  history_.push_back(
      {version_, collection, before.is_null() ? "ADDED" : "MODIFIED", before, shown});
  objects[key] = std::move(stored);
  changed_.notify_all();
  return shown;
}

void FakeApiServer::Erase(const std::string& collection, const std::string& key) {
  Objects& objects = collections_[collection];
  const auto it = objects.find(key);
  if (it == objects.end()) {
    return;
  }
  json last = it->second.Shown();
  objects.erase(it);
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, collection, "DELETED", last, last});
  changed_.notify_all();
}

http::Response FakeApiServer::HandleList(const Path& path, const Query& query) {
  // A continue token is "version/key of the last item".
  const std::string token = query.Find("continue");
  const auto slash = token.find('/');
  const std::uint64_t version =
      token.empty() ? version_ : ParseUint(token.substr(0, slash)).value_or(0);
  if (version < compacted_) {
    return Failure(410, "Expired", "The provided continue parameter is too old");
  }
  const std::uint64_t limit = ParseUint(query.Find("limit")).value_or(0);
  json items = json::array();
  std::string last;
  std::string next;
  for (const auto& [key, stored] : collections_[path.collection]) {
    if ((!token.empty() && key <= token.substr(slash + 1)) || !path.Covers(stored.object) ||
        !MatchesSelector(query.Find("labelSelector"), stored.object, false) ||
        !MatchesSelector(query.Find("fieldSelector"), stored.object, true)) {
      continue;
    }
    if (limit > 0 && items.size() == limit) {
      next = std::to_string(version) + "/" + last;
      break;
    }
    items.push_back(stored.Shown());
    last = key;
  }
  json metadata{{"resourceVersion", std::to_string(version)}};
  if (!next.empty()) {
    metadata["continue"] = next;
  }
  return Answer(200, {{"kind", "List"},
                      {"apiVersion", path.api_version},
                      {"metadata", metadata},
                      {"items", std::move(items)}});
}

http::Response FakeApiServer::HandleCreate(const Path& path, const Query& query, json body) {
  if (!body.is_object() || !body["metadata"].is_object() ||
      body["metadata"].value("name", "").empty()) {
    return Failure(422, "Invalid", "metadata.name: Required value");
  }
  if (!path.ns.empty()) {
    body["metadata"]["namespace"] = path.ns;
  }
  const std::string key = kube::MakeKey(path.ns, body["metadata"].value("name", ""));
  if (collections_[path.collection].contains(key)) {
    return Failure(409, "AlreadyExists",
                   path.plural + " \"" + body["metadata"].value("name", "") + "\" already exists");
  }
  StoredObject stored;
  UpdateObject(stored, body, {query.Find("fieldManager"), ""});
  if (query.Find("dryRun") == "All") {
    return Answer(201, stored.Shown());
  }
  return Answer(201, Commit(path.collection, key, nullptr, std::move(stored)));
}

http::Response FakeApiServer::HandleChange(const Path& path, const Query& query,
                                           const http::Request& request) {
  Objects& objects = collections_[path.collection];
  const std::string key = path.Key();
  std::string type;
  for (const http::Header& header : request.headers) {
    type = header.name == "Content-Type" ? header.value : type;
  }
  json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_discarded()) {
    return Failure(400, "BadRequest", "the body is no JSON");
  }
  const bool apply = type == "application/apply-patch+yaml";
  const bool exists = objects.contains(key);
  if (!exists && (!apply || !path.subresource.empty())) {
    return Failure(404, "NotFound", path.plural + " \"" + path.name + "\" not found");
  }
  StoredObject stored = exists ? objects[key] : StoredObject{};
  const json before = stored.object;
  const Writer writer{query.Find("fieldManager"), path.subresource};
  json wanted = before;
  if (request.method == "PUT") {
    wanted = body;
  } else if (type == "application/merge-patch+json") {
    wanted.merge_patch(body);
  } else if (type == "application/json-patch+json") {
    try {
      wanted = before.patch(body);
    } catch (const json::exception& e) {
      return Failure(422, "Invalid", e.what());
    }
  } else if (!apply) {
    return Failure(415, "UnsupportedMediaType", "unknown patch type " + type);
  }
  const json& sent = apply || request.method == "PUT" ? body : wanted;
  for (const json& owner : sent.value("/metadata/ownerReferences"_json_pointer, json::array())) {
    if (owner.value("uid", "").empty()) {
      return Failure(422, "Invalid",
                     "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty");
    }
  }
  const std::string version = sent.is_object() && sent.contains("metadata")
                                  ? sent["metadata"].value("resourceVersion", "")
                                  : "";
  if (exists && !version.empty() && version != before["metadata"].value("resourceVersion", "")) {
    return Failure(409, "Conflict",
                   "Operation cannot be fulfilled on " + path.plural + " \"" + path.name +
                       "\": the object has been modified");
  }
  if (apply) {
    if (!path.ns.empty()) {
      body["metadata"]["namespace"] = path.ns;
    }
    const Status applied = ApplyConfig(stored, body, writer, query.Find("force") == "true");
    if (!applied) {
      return Failure(409, "Conflict", applied.error().message);
    }
  } else {
    UpdateObject(stored, wanted, writer);
  }
  json shown = query.Find("dryRun") == "All"
                   ? stored.Shown()
                   : Commit(path.collection, key, before, std::move(stored));
  return Answer(exists ? 200 : 201, shown);
}

http::Response FakeApiServer::HandleDelete(const Path& path, const json& options) {
  Objects& objects = collections_[path.collection];
  const auto it = objects.find(path.Key());
  if (it == objects.end()) {
    return Failure(404, "NotFound", path.plural + " \"" + path.name + "\" not found");
  }
  const json& metadata = it->second.object["metadata"];
  if (options.is_object() && options.contains("preconditions")) {
    for (const char* field : {"uid", "resourceVersion"}) {
      const std::string wanted = options["preconditions"].value(field, "");
      if (!wanted.empty() && wanted != metadata.value(field, "")) {
        return Failure(409, "Conflict", "the precondition on " + std::string(field) + " failed");
      }
    }
  }
  json shown = it->second.Shown();
  if (!metadata.value("finalizers", json::array()).empty()) {
    StoredObject stored = it->second;
    const json before = stored.object;
    stored.object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z";
    return Answer(200, Commit(path.collection, path.Key(), before, std::move(stored)));
  }
  Erase(path.collection, path.Key());
  return Answer(200, shown);
}

http::Response FakeApiServer::Handle(const http::Request& request) {
  Query query;
  const Path path = Path::Parse(request.url, query);
  if (!path.good) {
    return Failure(404, "NotFound", "the server could not find the requested resource");
  }
  if (query.Find("fieldManager").empty()) {
    for (const http::Header& header : request.headers) {
      if (header.name == "User-Agent") {
        query.values["fieldManager"] = header.value.substr(0, header.value.find('/'));
      }
    }
  }
  const json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  http::Response response;
  if (path.name.empty()) {
    response = request.method == "GET"    ? HandleList(path, query)
               : request.method == "POST" ? HandleCreate(path, query, body)
                                          : Failure(405, "MethodNotAllowed", "not allowed");
  } else if (request.method == "GET") {
    const auto it = collections_[path.collection].find(path.Key());
    response = it == collections_[path.collection].end()
                   ? Failure(404, "NotFound", path.plural + " \"" + path.name + "\" not found")
                   : Answer(200, it->second.Shown());
  } else if (request.method == "DELETE") {
    response = HandleDelete(path, body);
  } else {
    response = HandleChange(path, query, request);
  }
  if (path.subresource == "scale" && response.status < 300) {
    const json object = json::parse(response.body);
    const json& metadata = object["metadata"];
    const json status = object.value("status", json::object());
    json scale{{"kind", "Scale"},
               {"apiVersion", "autoscaling/v1"},
               {"metadata",
                {{"name", path.name},
                 {"namespace", path.ns},
                 {"uid", metadata.value("uid", "")},
                 {"resourceVersion", metadata.value("resourceVersion", "")}}},
               {"spec", json::object()},
               {"status", {{"replicas", status.value("replicas", 0)}}}};
    // As the real server: Go leaves a zero out.
    if (const int replicas = object["spec"].value("replicas", 1); replicas != 0) {
      scale["spec"]["replicas"] = replicas;
    }
    return Answer(response.status, scale);
  }
  return response;
}

Result<http::Response> FakeApiServer::Send(const http::Request& request, Milliseconds) {
  const MutexLock lock(mutex_);
  const std::optional<Fault> fault = TakeFault(request);
  if (fault.has_value()) {
    switch (fault->kind) {
      case Fault::Kind::kUnreachable:
        Note(request);
        return Fail(Code::kUnavailable, "connection refused");
      case Fault::Kind::kTimeout:
        Note(request);
        return Fail(Code::kTimeout, "no answer in time");
      case Fault::Kind::kActedNoAnswer:
        static_cast<void>(Handle(request));
        Note(request);
        return Fail(Code::kUnavailable, "connection reset");
      default:
        break;
    }
    http::Response response = Failure(fault->status, fault->reason, "injected fault");
    if (fault->retry_after_seconds > 0) {
      response.headers.push_back({"Retry-After", std::to_string(fault->retry_after_seconds)});
    }
    Note(request);
    return response;
  }
  http::Response response = Handle(request);
  Note(request);
  return response;
}

std::unique_ptr<kube::ApiClient> MakeFakeClient(http::Transport& transport, Clock& clock) {
  class FakeCredentials final : public kube::Credentials {
   public:
    const std::string& server() const override { return server_; }
    const std::string& tls_server_name() const override { return empty_; }
    const std::string& default_namespace() const override { return ns_; }
    std::string Token() const override { return {}; }
    std::shared_ptr<const http::TlsMaterial> Tls() const override { return nullptr; }
    void Invalidate() const override {}

   private:
    std::string server_{kServer};
    std::string empty_;
    std::string ns_ = "default";
  };
  static const FakeCredentials credentials;
  kube::ApiClientOptions options;
  options.requests_per_second = 0;
  return kube::MakeApiClient(transport, credentials, clock, options);
}

}  // namespace reliability::fakes
