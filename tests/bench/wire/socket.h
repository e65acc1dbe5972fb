#pragma once
// What the load generator and the upstream of the benchmarks share: loopback sockets, epoll, time.
// Single-threaded programs; a failed set-up call ends them with a message.
#include <cstdint>
#include <string_view>

namespace reliability::bench {

[[nodiscard]] std::int64_t NowNs();  // CLOCK_MONOTONIC

// Prints what failed with errno's text and exits.
[[noreturn]] void Die(const char* what);

// A listening socket on 127.0.0.1; port 0 takes a free one. `port` becomes the real one.
[[nodiscard]] int Listen(std::uint16_t& port);
// A connected, non-blocking socket without Nagle's delay.
[[nodiscard]] int Connect(std::uint16_t port);
void Prepare(int fd);  // the same for an accepted one
void Watch(int epoll, int fd, void* data);
void AlsoWatchWrites(int epoll, int fd, void* data);  // one that is watched

// True if all of it was taken by the kernel: messages here are smaller than a socket's buffer.
[[nodiscard]] bool SendAll(int fd, std::string_view bytes);

// Of a whole HTTP/1.1 head; -1 if there is none. Names are compared without regard to case.
[[nodiscard]] std::int64_t ContentLength(std::string_view head);
// Where the body begins; 0 if the head is not whole yet.
[[nodiscard]] std::size_t HeadEnd(std::string_view bytes);

}  // namespace reliability::bench
