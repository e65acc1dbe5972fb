#include "tests/component/tls_identity.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <utility>

namespace reliability::component {

Identity::Identity(const std::string& folder, const std::string& alt_name)
    : file_(folder + "/ca.pem") {
  key_ = EVP_RSA_gen(2048);
  certificate_ = X509_new();
  X509_set_version(certificate_, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
  X509_set_pubkey(certificate_, key_);
  X509_NAME* name = X509_get_subject_name(certificate_);
  // Of two authorities with one name the wrong one may be looked at.
  static std::atomic<int> number = 0;
  const std::string common_name = "test " + std::to_string(++number);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate_, name);
  for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, alt_name},
                                   std::pair{NID_basic_constraints, std::string("CA:TRUE")}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate_, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate_, key_, EVP_sha256());
  std::FILE* out = std::fopen(file_.c_str(), "w");
  PEM_write_X509(out, certificate_);
  std::fclose(out);
  context_ = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context_, certificate_);
  SSL_CTX_use_PrivateKey(context_, key_);
}

Identity::~Identity() {
  SSL_CTX_free(context_);
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

}  // namespace reliability::component
