#pragma once
// The only include of Asio and Beast. g++ 12 needs <utility> first: Boost 1.74 uses std::exchange
// without including it.
//
// g++ 12 miscompiles a coroutine that has co_await in the condition of an if or a loop (parameters
// and `this` are read from the wrong place): await into a variable first.
#include <utility>
// clang-format off
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
// clang-format on
