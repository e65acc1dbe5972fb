#pragma once
// The body of the agent's request: taken whole if it must be read, else piece by piece as the
// upstream takes it. Loop thread only.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/net/http_body.h"
#include "sidecar/proxy/client_connection.h"

namespace reliability::sidecar::proxy {

class RequestBody {
 public:
  // `client.input` holds the head in front of `head_end`, which must stay readable.
  RequestBody(LoopContext& loop, ClientConnection& client, const net::RequestHead& head,
              std::size_t head_end);

  enum class Take { kComplete, kTooLarge, kBad, kTimeout, kGone };
  // Waits until the whole body is in memory; then whole() is it. kTooLarge: more than `cap` or no
  // room; what was read so far is whole(), the rest can be pulled.
  [[nodiscard]] net::Task<Take> TakeWhole(std::size_t cap);
  // The same if all of it came with the head, as small requests do, and is not encoded: true, and
  // whole() is it.
  [[nodiscard]] bool TakeInPlace(std::size_t cap);
  [[nodiscard]] std::string_view whole() const { return whole_; }
  // It was not taken whole because the worker holds as much as it may (data-plane ruling 56).
  [[nodiscard]] bool lacked_room() const { return lacked_room_; }
  // It has a Content-Encoding: nobody here reads it (ruling 12).
  [[nodiscard]] bool encoded() const { return encoded_; }
  // Bytes behind a complete whole() that JSON readers may touch.
  static constexpr std::size_t kReadableBehind = net::kBlockPadding;

  enum class Pull { kPiece, kAgain, kDone, kBad, kGone };
  // The next piece without waiting; after kAgain call WantMore().
  [[nodiscard]] Pull PullPiece(std::string_view& piece);
  void WantMore() { client_.stream.WantRead(); }

  // Nothing but whole() was taken from the connection: what was sent can be sent again.
  [[nodiscard]] bool intact() const { return !streamed_; }
  // All of it was read from the connection.
  [[nodiscard]] bool done() const { return decoder_.done(); }
  [[nodiscard]] bool none() const { return kind_ == net::BodyKind::kNone; }
  // Known size, else it must be forwarded in chunks.
  [[nodiscard]] std::optional<std::uint64_t> length() const { return length_; }
  // If the agent waits for permission to send, gives it (data-plane ruling 54).
  [[nodiscard]] net::Task<bool> Permit();
  // Puts bytes of the next request back in front of the connection.
  void Finish();

 private:
  [[nodiscard]] net::Buffer& source() { return extra_.held() ? extra_ : client_.input; }
  [[nodiscard]] net::Task<Take> Collect(std::size_t cap);
  // Reads once from the socket into source().
  [[nodiscard]] Pull Fill();

  LoopContext& loop_;
  ClientConnection& client_;
  const net::BodyKind kind_;
  const std::optional<std::uint64_t> length_;
  net::BodyDecoder decoder_;
  const bool encoded_;
  const std::size_t head_end_;
  bool expects_permission_;
  net::Buffer extra_;  // used if the head fills its own block
  std::string store_;
  HeldBytes held_;
  std::string_view whole_;
  bool taking_whole_ = false;
  bool streamed_ = false;
  bool lacked_room_ = false;
};

}  // namespace reliability::sidecar::proxy
