// S10: what reading a chat request's body costs, against a rapidjson SAX handler that finds no more
// than model and stream. Ours also refuses duplicate keys and digests the messages for the turn.
#include <benchmark/benchmark.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "sidecar/inspect/llm_request.h"
#include "tests/bench/bench_text.h"

namespace reliability::bench {
namespace {

void BM_Sidecar(benchmark::State& state, std::size_t bytes) {
  constexpr std::size_t kRoom = 64;  // behind the body, as the sidecar keeps it
  std::string body = ChatBody(bytes);
  body.reserve(body.size() + kRoom);
  for (auto _ : state) {
    const auto read =
        sidecar::inspect::ReadLlmRequest(sidecar::inspect::LlmApi::kOpenAIChat, body, kRoom);
    benchmark::DoNotOptimize(read->stream);
  }
}

class TopLevel : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TopLevel> {
 public:
  bool StartObject() {
    ++depth_;
    return true;
  }
  bool EndObject(rapidjson::SizeType) {
    --depth_;
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1) {
      const std::string_view key(text, size);
      next_ = key == "model" ? 'm' : key == "stream" ? 's' : ' ';
    }
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1 && next_ == 'm') {
      model.assign(text, size);
    }
    return true;
  }
  bool Bool(bool value) {
    if (depth_ == 1 && next_ == 's') {
      stream = value;
    }
    return true;
  }
  bool Default() { return true; }

  std::string model;
  bool stream = false;

 private:
  int depth_ = 0;
  char next_ = ' ';
};

void BM_Rapidjson(benchmark::State& state, std::size_t bytes) {
  const std::string body = ChatBody(bytes);
  for (auto _ : state) {
    rapidjson::MemoryStream stream(body.data(), body.size());
    rapidjson::Reader reader;
    TopLevel found;
    benchmark::DoNotOptimize(reader.Parse(stream, found).IsError());
    benchmark::DoNotOptimize(found.stream);
  }
}

BENCHMARK_CAPTURE(BM_Sidecar, 4k, 4096)->Name("sidecar/4k");
BENCHMARK_CAPTURE(BM_Rapidjson, 4k, 4096)->Name("rapidjson/4k");
BENCHMARK_CAPTURE(BM_Sidecar, 64k, 65536)->Name("sidecar/64k");
BENCHMARK_CAPTURE(BM_Rapidjson, 64k, 65536)->Name("rapidjson/64k");

}  // namespace
}  // namespace reliability::bench

BENCHMARK_MAIN();
