#pragma once
// Whether the webhooks' certificates are good, and what to make if not (operator ruling 11). Pure
// but for the system's random numbers.
//
//   authority  1 year, renewed when a third is left; the old one stays trusted for 24 h
//   leaf       90 days, renewed when a third is left, or when the names differ
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "operator/webhook/certificate.h"

namespace reliability::webhook {

// What Secret <release>-webhook-tls holds.
struct CertificateSet {
  KeyPair leaf;                              // tls.crt, tls.key
  KeyPair authority;                         // ca.crt, ca.key
  std::string previous_authority_pem;        // ca-previous.crt
  std::optional<SystemTime> previous_until;  // annotation; trusted until then
  friend bool operator==(const CertificateSet&, const CertificateSet&) = default;
};

struct CertificatePlan {
  CertificateSet set;
  bool changed = false;   // must be written
  std::string reason;     // why it changed, for the log
  std::string ca_bundle;  // what the API server must trust now
};

// `current`: nullopt if there is no Secret. Broken contents are replaced.
[[nodiscard]] Result<CertificatePlan> PlanCertificates(const std::optional<CertificateSet>& current,
                                                       const std::vector<std::string>& dns_names,
                                                       SystemTime now);

// "<service>.<namespace>.svc" and its longer and shorter forms.
[[nodiscard]] std::vector<std::string> ServiceNames(const std::string& service,
                                                    const std::string& ns);

}  // namespace reliability::webhook
