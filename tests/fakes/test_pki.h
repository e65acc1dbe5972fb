#pragma once
// A throw-away certificate authority for loopback tests; EC keys, valid for an hour.
#include <memory>
#include <string>

namespace reliability::fakes {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

class TestPki {
 public:
  TestPki();
  ~TestPki();
  TestPki(const TestPki&) = delete;
  TestPki& operator=(const TestPki&) = delete;

  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }
  // `san` in OpenSSL's words: "IP:127.0.0.1,DNS:kubernetes.default.svc"; empty: a client's.
  [[nodiscard]] KeyPair Issue(const std::string& common_name, const std::string& san) const;

 private:
  struct Ca;
  std::unique_ptr<Ca> ca_;
  std::string ca_pem_;
};

}  // namespace reliability::fakes
