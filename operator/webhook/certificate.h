#pragma once
// X.509 with OpenSSL: an own certificate authority and server certificates from it, as PEM texts.
// EC P-256. Pure but for the system's random numbers.
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"

namespace reliability::webhook {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;  // PKCS #8
  friend bool operator==(const KeyPair&, const KeyPair&) = default;
};

// Self-signed, may sign server certificates only directly (path length 0).
[[nodiscard]] Result<KeyPair> MakeAuthority(const std::string& common_name, SystemTime not_before,
                                            SystemTime not_after);

// For a server that is called by `dns_names` (the first is the common name, at most 64 characters
// of it). kInvalid: the authority's PEM texts cannot be read.
[[nodiscard]] Result<KeyPair> IssueServer(const KeyPair& authority,
                                          const std::vector<std::string>& dns_names,
                                          SystemTime not_before, SystemTime not_after);

struct CertificateFacts {
  SystemTime not_before;
  SystemTime not_after;
  std::vector<std::string> dns_names;
};
[[nodiscard]] Result<CertificateFacts> ReadCertificate(std::string_view pem);

// True if `authority` signed `certificate` and `key` belongs to `certificate`.
[[nodiscard]] bool Belongs(std::string_view certificate_pem, std::string_view key_pem,
                           std::string_view authority_pem);

}  // namespace reliability::webhook
