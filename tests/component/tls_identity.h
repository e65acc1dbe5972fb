#pragma once
// A self-signed certificate for one name, and a server's TLS that uses it.
#include <string>

struct evp_pkey_st;
struct ssl_ctx_st;
struct x509_st;

namespace reliability::component {

class Identity {
 public:
  // `alt_name` in OpenSSL's words: "IP:127.0.0.1", "DNS:llm.test". The certificate is written to
  // `folder`/ca.pem.
  Identity(const std::string& folder, const std::string& alt_name);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  [[nodiscard]] ssl_ctx_st* context() const { return context_; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  const std::string file_;
  evp_pkey_st* key_ = nullptr;
  x509_st* certificate_ = nullptr;
  ssl_ctx_st* context_ = nullptr;
};

}  // namespace reliability::component
