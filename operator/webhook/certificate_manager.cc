#include "operator/webhook/certificate_manager.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "libs/base/base64.h"
#include "libs/base/duration.h"
#include "libs/base/log.h"
#include "libs/base/mutex.h"
#include "operator/webhook/json_access.h"
#include "operator/webhook/review_codec.h"

namespace reliability::webhook {
namespace {

constexpr const char* kUntilAnnotation = "agentreliability.dev/previous-ca-until";
constexpr const char* kLeaf = "tls.crt";
constexpr const char* kLeafKey = "tls.key";
constexpr const char* kAuthority = "ca.crt";
constexpr const char* kAuthorityKey = "ca.key";
constexpr const char* kPreviousAuthority = "ca-previous.crt";

std::string Decoded(const Json& data, const char* key) {
  return Base64Decode(Text(data, key)).value_or("");
}

void LogFailure(const char* what, const Status& status) {
  if (!status.has_value()) {
    log::Warn(what, {{"error", ToString(status.error())}});
  }
}

}  // namespace

CertificateManager::CertificateManager(kube::ApiClient& client, Clock& clock, net::ServerTls& tls,
                                       metrics::Registry& registry, CertificateOptions options)
    : client_(client),
      clock_(clock),
      tls_(tls),
      options_(std::move(options)),
      dns_names_(ServiceNames(options_.service, options_.ns)),
      expiry_(registry.GetGauge("agent_reliability_webhook_certificate_expiry_seconds",
                                "End of validity of the webhooks' certificate, Unix time.")) {}

CertificateManager::~CertificateManager() { Stop(); }

void CertificateManager::StartLoading() {
  loader_ = std::jthread([this](const std::stop_token& stop) {
    do {
      LogFailure("certificate_load_failed", LoadOnce());
    } while (clock_.WaitFor(NextLoad(), stop));
  });
}

Milliseconds CertificateManager::NextLoad() const {
  if (!tls_.loaded()) {
    return options_.load_interval_missing;
  }
  return trusted_ ? options_.load_interval : options_.load_interval_untrusted;
}

void CertificateManager::StartKeeping() {
  keeper_ = std::jthread([this](const std::stop_token& stop) {
    do {
      LogFailure("certificate_keep_failed", KeepOnce());
    } while (clock_.WaitFor(options_.keep_interval, stop));
  });
}

void CertificateManager::Stop() {
  keeper_ = {};  // asks to stop and joins
  loader_ = {};
}

Result<std::optional<CertificateManager::Stored>> CertificateManager::Read() const {
  const auto body = client_.Get({kube::resources::kSecrets, options_.ns, options_.secret});
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      return std::optional<Stored>();
    }
    return Fail(body.error());
  }
  const Json secret = Json::parse(*body, nullptr, false);
  const Json& data = Member(secret, "data");
  Stored stored;
  stored.resource_version = Text(Member(secret, "metadata"), "resourceVersion");
  stored.set.leaf = {Decoded(data, kLeaf), Decoded(data, kLeafKey)};
  stored.set.authority = {Decoded(data, kAuthority), Decoded(data, kAuthorityKey)};
  stored.set.previous_authority_pem = Decoded(data, kPreviousAuthority);
  const auto until =
      ParseRfc3339(Text(Member(Member(secret, "metadata"), "annotations"), kUntilAnnotation));
  if (until.has_value()) {
    stored.set.previous_until = *until;
  }
  return std::optional(std::move(stored));
}

Status CertificateManager::Write(const CertificateSet& set,
                                 const std::string& resource_version) const {
  Json secret{{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", "kubernetes.io/tls"},
              {"metadata",
               {{"name", options_.secret},
                {"namespace", options_.ns},
                {"labels", {{"app.kubernetes.io/managed-by", "agent-reliability-operator"}}}}},
              {"data",
               {{kLeaf, Base64Encode(set.leaf.certificate_pem)},
                {kLeafKey, Base64Encode(set.leaf.key_pem)},
                {kAuthority, Base64Encode(set.authority.certificate_pem)},
                {kAuthorityKey, Base64Encode(set.authority.key_pem)}}}};
  if (!set.previous_authority_pem.empty() && set.previous_until.has_value()) {
    secret["data"][kPreviousAuthority] = Base64Encode(set.previous_authority_pem);
    secret["metadata"]["annotations"][kUntilAnnotation] = FormatRfc3339(*set.previous_until);
  }
  if (resource_version.empty()) {
    RELIABILITY_TRY(client_.Create(kube::resources::kSecrets, options_.ns, secret.dump()));
  } else {
    secret["metadata"]["resourceVersion"] = resource_version;
    RELIABILITY_TRY(
        client_.Replace({kube::resources::kSecrets, options_.ns, options_.secret}, secret.dump()));
  }
  return {};
}

Status CertificateManager::Announce(const std::string& ca_bundle) const {
  const std::string encoded = Base64Encode(ca_bundle);
  RELIABILITY_TRY(
      AnnounceTo({kube::resources::kMutatingWebhooks, "", options_.mutating_webhook}, encoded));
  return AnnounceTo({kube::resources::kValidatingWebhooks, "", options_.validating_webhook},
                    encoded);
}

Status CertificateManager::AnnounceTo(const kube::ObjectRef& ref,
                                      const std::string& encoded) const {
  const auto body = client_.Get(ref);
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      log::Warn("webhook_configuration_missing", {{"configuration", ref.ToString()}});
      return {};
    }
    return Fail(body.error());
  }
  const Json configuration = Json::parse(*body, nullptr, false);
  Json patch = Json::array();
  std::size_t index = 0;
  for (const Json& hook : List(configuration, "webhooks")) {
    const std::string path = "/webhooks/" + std::to_string(index++);
    if (Text(Member(hook, "clientConfig"), "caBundle") != encoded) {
      // The test keeps the bundle off another webhook if the list changed meanwhile.
      patch.push_back({{"op", "test"}, {"path", path + "/name"}, {"value", Text(hook, "name")}});
      patch.push_back(
          {{"op", "add"}, {"path", path + "/clientConfig/caBundle"}, {"value", encoded}});
    }
  }
  if (patch.empty()) {
    return {};
  }
  RELIABILITY_TRY(client_.JsonPatch(ref, patch.dump()));
  log::Info("webhook_ca_announced", {{"configuration", ref.ToString()}});
  return {};
}

Status CertificateManager::KeepOnce() {
  RELIABILITY_ASSIGN_OR_RETURN(const auto stored, Read());
  const std::optional<CertificateSet> current =
      stored.has_value() ? std::optional(stored->set) : kept_;
  RELIABILITY_ASSIGN_OR_RETURN(const CertificatePlan plan,
                               PlanCertificates(current, dns_names_, clock_.SystemNow()));
  if (plan.changed || !stored.has_value()) {
    if (current.has_value()) {
      RELIABILITY_TRY(Announce(plan.ca_bundle));
    }
    RELIABILITY_TRY(Write(plan.set, stored.has_value() ? stored->resource_version : ""));
    log::Info("certificates_written",
              {{"secret", options_.secret},
               {"reason", plan.changed ? plan.reason : "the Secret was gone"}});
  }
  kept_ = plan.set;
  RELIABILITY_TRY(Use(plan.set));
  RELIABILITY_TRY(Announce(plan.ca_bundle));
  trusted_ = true;
  return {};
}

Status CertificateManager::LoadOnce() {
  RELIABILITY_ASSIGN_OR_RETURN(const auto stored, Read());
  if (!stored.has_value()) {
    return {};  // the leader has not made it yet
  }
  RELIABILITY_TRY(Use(stored->set));
  if (trusted_) {
    return {};
  }
  const std::string& authority = stored->set.authority.certificate_pem;
  RELIABILITY_ASSIGN_OR_RETURN(
      const bool mutating,
      Trusts({kube::resources::kMutatingWebhooks, "", options_.mutating_webhook}, authority));
  RELIABILITY_ASSIGN_OR_RETURN(
      const bool validating,
      Trusts({kube::resources::kValidatingWebhooks, "", options_.validating_webhook}, authority));
  trusted_ = mutating && validating;
  return {};
}

Result<bool> CertificateManager::Trusts(const kube::ObjectRef& ref,
                                        const std::string& authority) const {
  const auto body = client_.Get(ref);
  if (!body.has_value()) {
    if (body.error().code == Code::kNotFound) {
      return true;
    }
    return Fail(body.error());
  }
  const Json configuration = Json::parse(*body, nullptr, false);
  for (const Json& hook : List(configuration, "webhooks")) {
    const auto bundle = Base64Decode(Text(Member(hook, "clientConfig"), "caBundle"));
    if (!bundle.has_value() || bundle->find(authority) == std::string::npos) {
      return false;
    }
  }
  return true;
}

Status CertificateManager::Use(const CertificateSet& set) {
  const MutexLock lock(mutex_);
  if (set.leaf.certificate_pem == loaded_) {
    return {};
  }
  RELIABILITY_TRY(tls_.Load(set.leaf.certificate_pem, set.leaf.key_pem));
  loaded_ = set.leaf.certificate_pem;
  if (const auto end = tls_.NotAfter()) {
    expiry_.Set(std::chrono::duration<double>(end->time_since_epoch()).count());
    log::Info("certificate_loaded", {{"not_after", FormatRfc3339(*end)}});
  }
  return {};
}

}  // namespace reliability::webhook
