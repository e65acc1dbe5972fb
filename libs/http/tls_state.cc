#include "libs/http/tls_state.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>
#include <utility>

namespace reliability::http {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> Reader(const std::string& pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Refuses a pass phrase: nobody is there to type it.
int NoPassword(char*, int, int, void*) { return -1; }

Owned<X509> NextCertificate(BIO* bio) {
  return Owned<X509>(PEM_read_bio_X509(bio, nullptr, NoPassword, nullptr));
}

}  // namespace

struct TlsState::Parts {
  Owned<X509_STORE> store;
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
  Owned<STACK_OF(X509)> chain;
};

TlsState::TlsState(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsState::~TlsState() = default;

Result<std::shared_ptr<const TlsState>> TlsState::Make(const TlsMaterial& material) {
  auto parts = std::make_unique<Parts>();
  parts->store.reset(X509_STORE_new());
  const Owned<BIO> ca = Reader(material.ca_pem);
  int authorities = 0;
  while (const Owned<X509> certificate = NextCertificate(ca.get())) {
    if (X509_STORE_add_cert(parts->store.get(), certificate.get()) == 1) {
      ++authorities;
    }
  }
  if (authorities == 0) {
    ERR_clear_error();
    return Fail(Code::kInvalid, "no CA certificate could be read: https needs one");
  }
  if (!material.certificate_pem.empty() || !material.private_key_pem.empty()) {
    const Owned<BIO> certificates = Reader(material.certificate_pem);
    parts->certificate = NextCertificate(certificates.get());
    if (parts->certificate == nullptr) {
      ERR_clear_error();
      return Fail(Code::kInvalid, "the client certificate cannot be read (PEM expected)");
    }
    parts->chain.reset(sk_X509_new_null());
    while (Owned<X509> next = NextCertificate(certificates.get())) {
      if (sk_X509_push(parts->chain.get(), next.get()) > 0) {
        static_cast<void>(next.release());
      }
    }
    const Owned<BIO> key = Reader(material.private_key_pem);
    parts->key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, NoPassword, nullptr));
    if (parts->key == nullptr) {
      ERR_clear_error();
      return Fail(Code::kInvalid,
                  "the client key cannot be read (PEM without a pass phrase expected)");
    }
    if (X509_check_private_key(parts->certificate.get(), parts->key.get()) != 1) {
      ERR_clear_error();
      return Fail(Code::kInvalid, "the client key does not belong to the client certificate");
    }
  }
  // The readers stop at the end of the text, which OpenSSL notes as an error.
  ERR_clear_error();
  return std::shared_ptr<const TlsState>(new TlsState(std::move(parts)));
}

bool TlsState::Configure(SSL_CTX* context) const {
  SSL_CTX_set1_cert_store(context, parts_->store.get());
  bool good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
  if (parts_->certificate != nullptr) {
    constexpr int kReplace = 1;
    good = good && SSL_CTX_use_cert_and_key(context, parts_->certificate.get(), parts_->key.get(),
                                            parts_->chain.get(), kReplace) == 1;
  }
  return good;
}

}  // namespace reliability::http
