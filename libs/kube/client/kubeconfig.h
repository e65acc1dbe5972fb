#pragma once
// One context of a kubeconfig, with its file names resolved. Pure: text in, values out.
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::kube {

// A text that is either given or lies in a file.
struct TextSource {
  std::string text;
  std::string path;
  [[nodiscard]] bool empty() const { return text.empty() && path.empty(); }
};

struct Kubeconfig {
  std::string server;
  std::string tls_server_name;
  std::string ns;
  TextSource ca;
  TextSource certificate;
  TextSource key;
  TextSource token;
};

// `file` is named in errors; relative paths inside start at its folder. An empty `context` means
// the file's current-context. kInvalid: wrong or missing fields. kUnsupported: what needs a
// program (exec, auth-provider) or would weaken TLS (insecure-skip-tls-verify, passwords).
[[nodiscard]] Result<Kubeconfig> ParseKubeconfig(std::string_view yaml, const std::string& file,
                                                 const std::string& context);

}  // namespace reliability::kube
