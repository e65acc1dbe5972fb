#include "operator/webhook/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace reliability::webhook {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

constexpr std::size_t kCommonNameLimit = 64;  // RFC 5280, ub-common-name
constexpr int kSerialBytes = 16;

Bio Reader(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate ParseCertificate(std::string_view pem) {
  return Certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr));
}

Key ParseKey(std::string_view pem) {
  return Key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, nullptr, nullptr));
}

std::string Written(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<KeyPair> ToPem(X509* certificate, EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_mem()));
  const Bio key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Fail(Code::kInternal, "cannot write a certificate as PEM");
  }
  return KeyPair{Written(out.get()), Written(key_out.get())};
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool SetSerial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, kSerialBytes) != 1) {
    return false;
  }
  bytes[0] &= 0x7F;  // positive
  BIGNUM* number = BN_bin2bn(bytes, kSerialBytes, nullptr);
  const bool set = number != nullptr &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool SetTime(ASN1_TIME* field, SystemTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return ASN1_TIME_set(field, static_cast<std::time_t>(seconds)) != nullptr;
}

// An unsigned certificate with subject, validity and public key.
Certificate Draft(EVP_PKEY* key, const std::string& common_name, SystemTime not_before,
                  SystemTime not_after) {
  Certificate draft(X509_new());
  const std::string name = common_name.substr(0, kCommonNameLimit);
  const bool good =
      draft != nullptr && X509_set_version(draft.get(), X509_VERSION_3) == 1 &&
      SetSerial(draft.get()) && SetTime(X509_getm_notBefore(draft.get()), not_before) &&
      SetTime(X509_getm_notAfter(draft.get()), not_after) &&
      X509_set_pubkey(draft.get(), key) == 1 &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(draft.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) == 1;
  return good ? std::move(draft) : nullptr;
}

Result<SystemTime> ToTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return Fail(Code::kInvalid, "a certificate's date cannot be read");
  }
  return SystemTime{std::chrono::seconds{timegm(&parts)}};
}

}  // namespace

Result<KeyPair> MakeAuthority(const std::string& common_name, SystemTime not_before,
                              SystemTime not_after) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate authority = Draft(key.get(), common_name, not_before, not_after);
  if (key == nullptr || authority == nullptr ||
      X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get())) != 1 ||
      !AddExtension(authority.get(), authority.get(), NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign") ||
      !AddExtension(authority.get(), authority.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(authority.get(), key.get(), EVP_sha256()) == 0) {
    return Fail(Code::kInternal, "cannot make a certificate authority");
  }
  return ToPem(authority.get(), key.get());
}

Result<KeyPair> IssueServer(const KeyPair& authority, const std::vector<std::string>& dns_names,
                            SystemTime not_before, SystemTime not_after) {
  const Certificate issuer = ParseCertificate(authority.certificate_pem);
  const Key issuer_key = ParseKey(authority.key_pem);
  if (issuer == nullptr || issuer_key == nullptr || dns_names.empty()) {
    return Fail(Code::kInvalid, "the certificate authority cannot be read");
  }
  std::string names;
  for (const std::string& name : dns_names) {
    names += (names.empty() ? "DNS:" : ",DNS:") + name;
  }
  const Key key(EVP_EC_gen("P-256"));
  const Certificate leaf = Draft(key.get(), dns_names.front(), not_before, not_after);
  if (key == nullptr || leaf == nullptr ||
      X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get())) != 1 ||
      !AddExtension(leaf.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(leaf.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(leaf.get(), issuer.get(), NID_ext_key_usage, "serverAuth") ||
      !AddExtension(leaf.get(), issuer.get(), NID_subject_alt_name, names) ||
      !AddExtension(leaf.get(), issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(leaf.get(), issuer_key.get(), EVP_sha256()) == 0) {
    return Fail(Code::kInternal, "cannot issue a server certificate");
  }
  return ToPem(leaf.get(), key.get());
}

Result<CertificateFacts> ReadCertificate(std::string_view pem) {
  const Certificate certificate = ParseCertificate(pem);
  if (certificate == nullptr) {
    return Fail(Code::kInvalid, "no certificate in the PEM text");
  }
  CertificateFacts facts;
  RELIABILITY_ASSIGN_OR_RETURN(facts.not_before, ToTime(X509_get0_notBefore(certificate.get())));
  RELIABILITY_ASSIGN_OR_RETURN(facts.not_after, ToTime(X509_get0_notAfter(certificate.get())));
  const GeneralNames names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      facts.dns_names.emplace_back(
          reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
          static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
  }
  return facts;
}

bool Belongs(std::string_view certificate_pem, std::string_view key_pem,
             std::string_view authority_pem) {
  const Certificate certificate = ParseCertificate(certificate_pem);
  const Certificate authority = ParseCertificate(authority_pem);
  const Key key = ParseKey(key_pem);
  return certificate != nullptr && authority != nullptr && key != nullptr &&
         X509_check_private_key(certificate.get(), key.get()) == 1 &&
         X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
}

}  // namespace reliability::webhook
