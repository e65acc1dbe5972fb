#include "libs/kube/core/resource.h"

namespace reliability::kube {

std::string Resource::ApiVersion() const {
  std::string out(group);
  if (!out.empty()) {
    out += '/';
  }
  return out.append(version);
}

std::string ObjectRef::ToString() const {
  std::string out(resource.kind);
  out += ' ';
  return out + MakeKey(ns, name);
}

std::string MakeKey(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + 1 + name.size());
  if (!ns.empty()) {
    key.append(ns).append("/");
  }
  return key.append(name);
}

NamespacedName SplitKey(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) {
    return {{}, std::string(key)};
  }
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

}  // namespace reliability::kube
