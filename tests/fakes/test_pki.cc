#include "tests/fakes/test_pki.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>

namespace reliability::fakes {
namespace {

template <class Writer>
std::string ToPem(const Writer& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* NewCertificate(const std::string& name, EVP_PKEY* key) {
  static std::atomic<long> serial{1};
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestPki::Ca {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

TestPki::TestPki() : ca_(std::make_unique<Ca>()) {
  ca_->key = EVP_EC_gen("P-256");
  ca_->certificate = NewCertificate("test-ca", ca_->key);
  X509_set_issuer_name(ca_->certificate, X509_get_subject_name(ca_->certificate));
  AddExtension(ca_->certificate, ca_->certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(ca_->certificate, ca_->key, EVP_sha256());
  ca_pem_ = ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, ca_->certificate); });
}

TestPki::~TestPki() {
  X509_free(ca_->certificate);
  EVP_PKEY_free(ca_->key);
}

KeyPair TestPki::Issue(const std::string& common_name, const std::string& san) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = NewCertificate(common_name, key);
  X509_set_issuer_name(certificate, X509_get_subject_name(ca_->certificate));
  if (!san.empty()) {
    AddExtension(certificate, ca_->certificate, NID_subject_alt_name, san.c_str());
  }
  X509_sign(certificate, ca_->key, EVP_sha256());
  KeyPair pair{ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); }), ToPem([&](BIO* bio) {
                 PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
               })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

}  // namespace reliability::fakes
