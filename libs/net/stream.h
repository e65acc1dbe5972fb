#pragma once
// A non-blocking byte stream: TCP, optionally with TLS on top. Reads and writes never wait; they
// say kAgain, and WantRead()/WantWrite() ask the loop to notify the attached Signal once the
// stream may have moved on. Nothing is ever cancelled: Close() drops what is pending.
//
// Loop thread only. A Stream is a handle (move-only); its state lives until the loop has run the
// last pending readiness callback, so destroying it at any time is safe. The Signal must outlive
// the Stream or be detached first.
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "libs/net/signal.h"
#include "libs/net/tls_context.h"

namespace reliability::net {

enum class IoStatus {
  kOk,     // `bytes` were moved
  kAgain,  // nothing can be moved now
  kEof,    // the peer ended its side in good order
  kError,  // reset, refused, broken TLS ...: `error` is an errno, 0 for TLS
};

struct IoResult {
  IoStatus status = IoStatus::kOk;
  std::size_t bytes = 0;
  int error = 0;
};

struct Endpoint {  // a resolved address
  boost::asio::ip::address address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

class Stream {
 public:
  Stream() = default;  // closed
  ~Stream() { Close(); }
  Stream(Stream&& other) noexcept = default;
  Stream& operator=(Stream&& other) noexcept;

  // Takes over an accepted, connected descriptor (made non-blocking). kInternal if the loop
  // cannot watch it; the descriptor is closed then.
  [[nodiscard]] static Result<Stream> Adopt(const Executor& executor, int descriptor);
  // Starts to connect; PollConnect() tells when it is done. kUnavailable with the errno's text.
  [[nodiscard]] static Result<Stream> Connect(const Executor& executor, const Endpoint& to);
  // kOk, kAgain (call WantWrite) or kError.
  [[nodiscard]] IoResult PollConnect();
  // Starts TLS as client on the connected stream; then call PollHandshake until it is not kAgain.
  [[nodiscard]] Status StartTls(const TlsContext& context, const std::string& host);
  [[nodiscard]] IoResult PollHandshake();
  // Why the handshake failed, e.g. "certificate verify failed: self-signed certificate".
  [[nodiscard]] const std::string& tls_error() const;

  void Attach(Signal* signal);
  [[nodiscard]] bool open() const { return state_ != nullptr; }
  [[nodiscard]] bool tls() const;

  [[nodiscard]] IoResult Read(char* data, std::size_t size);
  // Moves as much as the kernel takes; `bytes` may be less than the sum.
  [[nodiscard]] IoResult Write(std::span<const iovec> pieces);
  [[nodiscard]] IoResult Write(const char* data, std::size_t size);
  // In order, and takes what is gone off their fronts. At most kMaxParts.
  static constexpr std::size_t kMaxParts = 4;
  [[nodiscard]] IoResult WriteParts(std::span<std::string_view> parts);
  // Register for one notification; calling again before it came costs nothing.
  void WantRead();
  void WantWrite();

  // False: everything that had arrived when the loop last said so was read.
  [[nodiscard]] bool may_have_bytes() const;

  // A notification that WantRead asked for has not come yet.
  [[nodiscard]] bool read_pending() const;

  // What the loop has told of since WantRead() was nothing. Free; but an end that the loop has not
  // looked at yet, or that came together with bytes that were read, is not seen. Never for TLS.
  [[nodiscard]] bool quiet_so_far() const;

  enum class Peek { kQuiet, kData, kClosed };
  // Looks without taking bytes. A quiet TLS stream may consume session tickets.
  [[nodiscard]] Peek PeekState();

  // No more bytes from us; the peer sees the end once it has read what was written.
  void ShutdownSend();
  void Close();           // in good order as far as that needs no waiting
  void CloseWithReset();  // RST: the peer cannot mistake a cut for an end

 private:
  struct State;
  class Wait;
  IoResult WriteRecord(std::string_view bytes);
  static void OnReady(const std::shared_ptr<State>& state, bool read);
  std::shared_ptr<State> state_;
};

}  // namespace reliability::net
