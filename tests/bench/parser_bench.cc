// One head through net::ParseRequestHead and ParseResponseHead (Beast's basic_parser with our own
// storage and the checks on top of it).
#include <benchmark/benchmark.h>

#include "libs/net/http_head_parser.h"
#include "tests/bench/bench_text.h"

namespace reliability::bench {
namespace {

void BM_RequestHead(benchmark::State& state) {
  const std::string text = RequestHead();
  net::RequestHead head;
  for (auto _ : state) {
    std::size_t scanned = 0;
    const net::HeadResult result = net::ParseRequestHead(text, scanned, head);
    benchmark::DoNotOptimize(result.bytes);
  }
}
BENCHMARK(BM_RequestHead)->Name("head/request");

void BM_ResponseHead(benchmark::State& state) {
  const std::string text = ResponseHead();
  net::ResponseHead head;
  for (auto _ : state) {
    std::size_t scanned = 0;
    const net::HeadResult result = net::ParseResponseHead(text, scanned, head);
    benchmark::DoNotOptimize(result.bytes);
  }
}
BENCHMARK(BM_ResponseHead)->Name("head/response");

}  // namespace
}  // namespace reliability::bench
