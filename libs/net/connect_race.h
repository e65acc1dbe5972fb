#pragma once
// A TCP connection to whichever of a name's addresses answers first (RFC 8305): the next one is
// tried 250 ms after the last, or at once when none is left open; whoever connects first wins, the
// others are closed. Nothing is sent to any of them. Driven like a Stream:
//
//   while ((result = race.Poll(now)).status == IoStatus::kAgain) wait for the signal or next_at();
//   stream = race.TakeWinner();
//
// Loop thread only. The signal must outlive it.
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/net/name_source.h"
#include "libs/net/stream.h"

namespace reliability::net {

inline constexpr Milliseconds kNextAddressAfter{250};

class ConnectRace {
 public:
  // In the order to try; at least one.
  ConnectRace(const Executor& executor, Signal& signal, Addresses addresses, std::uint16_t port);
  ConnectRace(const ConnectRace&) = delete;
  ConnectRace& operator=(const ConnectRace&) = delete;

  // kOk: there is a winner; kAgain; kError: none of the addresses that were left can be reached.
  [[nodiscard]] IoStatus Poll(MonotonicTime now);
  // When the next address is due; max = none is left.
  [[nodiscard]] MonotonicTime next_at() const;

  // Poll() may go on afterwards, with the addresses that were not tried yet.
  [[nodiscard]] Stream TakeWinner();
  [[nodiscard]] const boost::asio::ip::address& winner() const { return addresses_[winner_]; }
  [[nodiscard]] bool exhausted() const { return next_ == addresses_.size(); }

  // Of kError. kExhausted: only this machine was in the way (data-plane ruling 16); else
  // kUnavailable, in the words of the first address that failed otherwise.
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  struct Runner {
    std::size_t address;
    Stream stream;
  };
  void StartNext(MonotonicTime now);
  [[nodiscard]] bool FindWinner();
  void Failed(Code code, const std::string& message);

  const Executor executor_;
  Signal& signal_;
  const Addresses addresses_;
  const std::uint16_t port_;
  std::vector<Runner> running_;
  std::size_t next_ = 0;
  MonotonicTime next_at_{};
  Stream won_;
  std::size_t winner_ = 0;
  Error error_;
  bool failed_ = false;
};

}  // namespace reliability::net
