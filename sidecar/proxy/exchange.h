#pragma once
// Answers one request of an agent: route -> plan -> attempt -> relay -> settle. Loop thread only.
#include <cstddef>

#include "libs/net/http_head.h"
#include "sidecar/proxy/client_connection.h"
#include "sidecar/proxy/loop_context.h"

namespace reliability::sidecar::proxy {

// `head` points into `client.input` in front of `head_end`, and was complete at `began`. Sets
// client.keep_alive; when it is false the caller closes the connection. The bytes of the next
// request are in client.input.
[[nodiscard]] net::Task<> Answer(LoopContext& loop, ClientConnection& client,
                                 const net::RequestHead& head, std::size_t head_end,
                                 MonotonicTime began);

}  // namespace reliability::sidecar::proxy
