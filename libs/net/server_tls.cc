#include "libs/net/server_tls.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <string>
#include <utility>

#include "libs/net/http_session.h"

namespace reliability::net {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct X509Free {
  void operator()(X509* x509) const { X509_free(x509); }
};

Result<SystemTime> LeafNotAfter(std::string_view pem) {
  const std::unique_ptr<BIO, BioFree> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, X509Free> leaf(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::tm end{};
  if (leaf == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(leaf.get()), &end) != 1) {
    return Fail(Code::kInvalid, "no certificate in the PEM text");
  }
  return SystemTime{std::chrono::seconds{timegm(&end)}};
}

}  // namespace

Status ServerTls::Load(std::string_view certificate_pem, std::string_view key_pem) {
  auto context = std::make_shared<ServerTlsContext>();
  RELIABILITY_ASSIGN_OR_RETURN(context->not_after, LeafNotAfter(certificate_pem));
  boost::system::error_code ec;
  auto& ssl = context->ssl;
  ssl.set_options(boost::asio::ssl::context::default_workarounds |
                      boost::asio::ssl::context::no_tlsv1 | boost::asio::ssl::context::no_tlsv1_1 |
                      boost::asio::ssl::context::no_compression,
                  ec);
  if (!ec) {
    ssl.use_certificate_chain(boost::asio::buffer(certificate_pem.data(), certificate_pem.size()),
                              ec);
  }
  if (!ec) {
    ssl.use_private_key(boost::asio::buffer(key_pem.data(), key_pem.size()),
                        boost::asio::ssl::context::pem, ec);
  }
  if (ec) {
    return Fail(Code::kInvalid, "certificate or key refused: " + ec.message());
  }
  if (SSL_CTX_check_private_key(ssl.native_handle()) != 1) {
    return Fail(Code::kInvalid, "the private key does not belong to the certificate");
  }
  const MutexLock lock(mutex_);
  context_ = std::move(context);
  return {};
}

std::shared_ptr<ServerTlsContext> ServerTls::Current() const {
  const MutexLock lock(mutex_);
  return context_;
}

std::optional<SystemTime> ServerTls::NotAfter() const {
  const auto context = Current();
  if (context == nullptr) {
    return std::nullopt;
  }
  return context->not_after;
}

}  // namespace reliability::net
