#include "libs/kube/client/kubeconfig.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "libs/base/base64.h"
#include "libs/yaml/yaml_to_json.h"

namespace reliability::kube {
namespace {

using nlohmann::json;

// Kubeconfigs written by hand wrap long base64.
std::string WithoutSpace(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  return text;
}

// Reads one kubeconfig; every error starts with the file's name.
class Reader {
 public:
  Reader(json root, std::string file) : root_(std::move(root)), file_(std::move(file)) {}

  Result<Kubeconfig> Read(std::string context) {
    if (!root_.is_object()) {
      return Bad("is not a kubeconfig");
    }
    if (context.empty()) {
      RELIABILITY_ASSIGN_OR_RETURN(context, Text(root_, "current-context", "current-context"));
    }
    if (context.empty()) {
      return Bad("has no current-context; choose one");
    }
    RELIABILITY_ASSIGN_OR_RETURN(const json entry, Named("contexts", "context", context));
    const std::string where = "contexts[" + context + "]";
    Kubeconfig out;
    RELIABILITY_ASSIGN_OR_RETURN(out.ns, Text(entry, "namespace", where + ".namespace"));
    RELIABILITY_ASSIGN_OR_RETURN(const std::string cluster,
                                 Text(entry, "cluster", where + ".cluster"));
    RELIABILITY_ASSIGN_OR_RETURN(const std::string user, Text(entry, "user", where + ".user"));
    RELIABILITY_TRY(ReadCluster(cluster, out));
    if (!user.empty()) {
      RELIABILITY_TRY(ReadUser(user, out));
    }
    return out;
  }

 private:
  tl::unexpected<Error> Bad(const std::string& what) const {
    return Fail(Code::kInvalid, "kubeconfig " + file_ + " " + what);
  }
  tl::unexpected<Error> Refuse(const std::string& where, const std::string& what) const {
    return Fail(Code::kUnsupported, "kubeconfig " + file_ + ": " + where + " " + what);
  }

  Result<std::string> Text(const json& object, const char* field, const std::string& where) const {
    const auto it = object.find(field);
    if (it == object.end() || it->is_null()) {
      return std::string();
    }
    if (!it->is_string()) {
      return Bad("has no text in " + where);
    }
    return it->get<std::string>();
  }

  // The member `inner` of the entry of that name in a list such as clusters.
  Result<json> Named(const char* list, const char* inner, const std::string& name) const {
    const auto it = root_.find(list);
    if (it != root_.end() && it->is_array()) {
      for (const json& entry : *it) {
        if (entry.is_object() && entry.value("name", json()) == json(name)) {
          const auto found = entry.find(inner);
          if (found != entry.end() && found->is_object()) {
            return *found;
          }
          return Bad("has no " + std::string(inner) + " in " + list + "[" + name + "]");
        }
      }
    }
    return Bad("has no " + std::string(list) + "[" + name + "]");
  }

  // `field` is a file, `field`-data its content in base64, which wins.
  Result<TextSource> Source(const json& object, const std::string& field,
                            const std::string& where) const {
    TextSource out;
    const std::string data = field + "-data";
    RELIABILITY_ASSIGN_OR_RETURN(const std::string encoded,
                                 Text(object, data.c_str(), where + "." + data));
    if (!encoded.empty()) {
      Result<std::string> decoded = Base64Decode(WithoutSpace(encoded));
      if (!decoded || decoded->empty()) {
        return Bad("has no base64 in " + where + "." + data);
      }
      out.text = *std::move(decoded);
      return out;
    }
    RELIABILITY_ASSIGN_OR_RETURN(const std::string path,
                                 Text(object, field.c_str(), where + "." + field));
    out.path = Resolve(path);
    return out;
  }

  std::string Resolve(const std::string& path) const {
    if (path.empty() || path.front() == '/') {
      return path;
    }
    const auto slash = file_.rfind('/');
    return slash == std::string::npos ? path : file_.substr(0, slash + 1) + path;
  }

  Status ReadCluster(const std::string& name, Kubeconfig& out) const {
    RELIABILITY_ASSIGN_OR_RETURN(const json cluster, Named("clusters", "cluster", name));
    const std::string where = "clusters[" + name + "]";
    if (cluster.value("insecure-skip-tls-verify", json(false)) == json(true)) {
      return Refuse(where, "sets insecure-skip-tls-verify; give a certificate-authority instead");
    }
    if (cluster.contains("proxy-url")) {
      return Refuse(where, "sets proxy-url, which is not supported");
    }
    RELIABILITY_ASSIGN_OR_RETURN(out.server, Text(cluster, "server", where + ".server"));
    while (out.server.ends_with('/')) {
      out.server.pop_back();
    }
    if (!out.server.starts_with("https://") && !out.server.starts_with("http://")) {
      return Bad("has no http or https URL in " + where + ".server");
    }
    RELIABILITY_ASSIGN_OR_RETURN(out.tls_server_name,
                                 Text(cluster, "tls-server-name", where + ".tls-server-name"));
    RELIABILITY_ASSIGN_OR_RETURN(out.ca, Source(cluster, "certificate-authority", where));
    if (out.ca.empty() && out.server.starts_with("https://")) {
      return Bad("has no certificate-authority in " + where);
    }
    return {};
  }

  Status ReadUser(const std::string& name, Kubeconfig& out) const {
    RELIABILITY_ASSIGN_OR_RETURN(const json user, Named("users", "user", name));
    const std::string where = "users[" + name + "]";
    constexpr std::array<std::pair<const char*, const char*>, 5> kRefused{{
        {"exec", "uses an exec plugin, which is not run; use a token or a client certificate"},
        {"auth-provider", "uses an auth provider, which is not run; use a token or a certificate"},
        {"username", "uses a password, which API servers no longer accept"},
        {"password", "uses a password, which API servers no longer accept"},
        {"as", "impersonates somebody, which is not supported"},
    }};
    for (const auto& [field, why] : kRefused) {
      if (user.contains(field) && !user[field].is_null()) {
        return Refuse(where, why);
      }
    }
    RELIABILITY_ASSIGN_OR_RETURN(out.certificate, Source(user, "client-certificate", where));
    RELIABILITY_ASSIGN_OR_RETURN(out.key, Source(user, "client-key", where));
    if (out.certificate.empty() != out.key.empty()) {
      return Bad("needs both client-certificate and client-key in " + where);
    }
    RELIABILITY_ASSIGN_OR_RETURN(out.token.text, Text(user, "token", where + ".token"));
    RELIABILITY_ASSIGN_OR_RETURN(const std::string path,
                                 Text(user, "tokenFile", where + ".tokenFile"));
    if (out.token.text.empty()) {
      out.token.path = Resolve(path);
    }
    return {};
  }

  const json root_;
  const std::string file_;
};

}  // namespace

Result<Kubeconfig> ParseKubeconfig(std::string_view text, const std::string& file,
                                   const std::string& context) {
  auto converted = yaml::YamlToJson(text);
  if (!converted) {
    return Fail(Code::kInvalid, "kubeconfig " + file + ": " + converted.error().message);
  }
  json root = json::parse(*converted, nullptr, /*allow_exceptions=*/false);
  return Reader(std::move(root), file).Read(context);
}

}  // namespace reliability::kube
