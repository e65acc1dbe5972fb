#pragma once
// The coroutine types of the data path. The executor type is concrete: any_io_executor would be
// paid for at every hop. One io_context runs on one thread; everything built on these types
// belongs to that thread unless its header says otherwise.
#include "libs/net/asio.h"

namespace reliability::net {

using IoContext = boost::asio::io_context;
using Executor = boost::asio::io_context::executor_type;
using UseTask = boost::asio::use_awaitable_t<Executor>;

template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

}  // namespace reliability::net
