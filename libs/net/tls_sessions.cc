#include "libs/net/tls_sessions.h"

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace reliability::net::tls {
namespace {

// A server gives two at a time; each should serve once (RFC 8446 appendix C.4).
constexpr std::size_t kKeptPerHost = 4;

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeSession>;

class Sessions {
 public:
  void Put(const std::string& host, SessionPtr session) {
    const std::lock_guard lock(mutex_);
    std::vector<SessionPtr>& kept = by_host_[host];
    if (kept.size() == kKeptPerHost) {
      kept.erase(kept.begin());
    }
    kept.push_back(std::move(session));
  }
  [[nodiscard]] SessionPtr Take(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto found = by_host_.find(host);
    if (found == by_host_.end() || found->second.empty()) {
      return nullptr;
    }
    SessionPtr newest = std::move(found->second.back());
    found->second.pop_back();
    return newest;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<SessionPtr>> by_host_;  // the newest last
};

template <class T>
void FreeData(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
  const std::unique_ptr<T> owned(static_cast<T*>(data));
}

int SessionsIndex() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeData<Sessions>);
  return index;
}

int HostIndex() {
  static const int index =
      SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeData<std::string>);
  return index;
}

Sessions* SessionsOf(const SSL* ssl) {
  return static_cast<Sessions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), SessionsIndex()));
}

const std::string* HostOf(const SSL* ssl) {
  return static_cast<const std::string*>(SSL_get_ex_data(ssl, HostIndex()));
}

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  const std::string* host = HostOf(ssl);
  if (host == nullptr || SSL_SESSION_is_resumable(session) != 1) {
    return 0;
  }
  SessionsOf(ssl)->Put(*host, SessionPtr(session));
  return 1;  // the reference is ours
}

}  // namespace

void CollectSessions(SSL_CTX* context) {
  auto sessions = std::make_unique<Sessions>();
  if (SSL_CTX_set_ex_data(context, SessionsIndex(), sessions.get()) != 1) {
    return;
  }
  (void)sessions.release();  // FreeData has it
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, OnNewSession);
}

void UseSession(SSL* ssl, const std::string& host) {
  Sessions* sessions = SessionsOf(ssl);
  auto name = std::make_unique<std::string>(host);
  if (sessions == nullptr || SSL_set_ex_data(ssl, HostIndex(), name.get()) != 1) {
    return;
  }
  (void)name.release();  // FreeData has it
  if (const SessionPtr session = sessions->Take(host); session != nullptr) {
    SSL_set_session(ssl, session.get());  // takes a reference of its own
  }
}

void KeepSession(SSL* ssl) {
  const std::string* host = HostOf(ssl);
  // TLS 1.3 sends new tickets; before, the one that was used is still good.
  if (host != nullptr && SSL_session_reused(ssl) == 1 && SSL_version(ssl) < TLS1_3_VERSION) {
    SessionsOf(ssl)->Put(*host, SessionPtr(SSL_get1_session(ssl)));
  }
}

}  // namespace reliability::net::tls
