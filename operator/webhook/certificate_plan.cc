#include "operator/webhook/certificate_plan.h"

#include <utility>

namespace reliability::webhook {
namespace {

using std::chrono::hours;

constexpr hours kAuthorityLife{365 * 24};
constexpr hours kLeafLife{90 * 24};
constexpr hours kOverlap{24};
constexpr hours kBackdate{1};  // clocks of API servers may be behind ours

bool Due(const CertificateFacts& facts, SystemTime now) {
  return now < facts.not_before ||
         now >= facts.not_after - (facts.not_after - facts.not_before) / 3;
}

// Empty if the authority can go on.
std::string AuthorityFault(const std::optional<CertificateSet>& current, SystemTime now) {
  if (!current.has_value()) {
    return "there is none";
  }
  const auto facts = ReadCertificate(current->authority.certificate_pem);
  if (!facts.has_value() || !Belongs(current->authority.certificate_pem, current->authority.key_pem,
                                     current->authority.certificate_pem)) {
    return "the authority cannot be read";
  }
  return Due(*facts, now) ? "the authority expires" : "";
}

std::string LeafFault(const CertificateSet& set, const std::vector<std::string>& dns_names,
                      SystemTime now) {
  const auto facts = ReadCertificate(set.leaf.certificate_pem);
  if (!facts.has_value() ||
      !Belongs(set.leaf.certificate_pem, set.leaf.key_pem, set.authority.certificate_pem)) {
    return "the certificate does not belong to key and authority";
  }
  if (facts->dns_names != dns_names) {
    return "the service has other names";
  }
  return Due(*facts, now) ? "the certificate expires" : "";
}

}  // namespace

Result<CertificatePlan> PlanCertificates(const std::optional<CertificateSet>& current,
                                         const std::vector<std::string>& dns_names,
                                         SystemTime now) {
  CertificatePlan plan;
  plan.set = current.value_or(CertificateSet{});
  const std::string authority_fault = AuthorityFault(current, now);
  if (!authority_fault.empty()) {
    plan.changed = true;
    plan.reason = authority_fault;
    // A readable old authority stays trusted: replicas serve its leaf until they read the Secret.
    const bool readable = ReadCertificate(plan.set.authority.certificate_pem).has_value();
    plan.set.previous_authority_pem = readable ? plan.set.authority.certificate_pem : "";
    plan.set.previous_until = readable ? std::optional(now + kOverlap) : std::nullopt;
    RELIABILITY_ASSIGN_OR_RETURN(
        plan.set.authority,
        MakeAuthority("agent-reliability-webhook-ca", now - kBackdate, now + kAuthorityLife));
  }
  const std::string leaf_fault = LeafFault(plan.set, dns_names, now);
  if (!leaf_fault.empty()) {
    plan.reason = plan.changed ? plan.reason : leaf_fault;
    plan.changed = true;
    RELIABILITY_ASSIGN_OR_RETURN(plan.set.leaf, IssueServer(plan.set.authority, dns_names,
                                                            now - kBackdate, now + kLeafLife));
  }
  plan.ca_bundle = plan.set.authority.certificate_pem;
  if (!plan.set.previous_authority_pem.empty() && plan.set.previous_until.has_value() &&
      now < *plan.set.previous_until) {
    plan.ca_bundle += plan.set.previous_authority_pem;
  }
  return plan;
}

std::vector<std::string> ServiceNames(const std::string& service, const std::string& ns) {
  const std::string base = service + "." + ns;
  return {base + ".svc", base + ".svc.cluster.local", base, service};
}

}  // namespace reliability::webhook
