#include "tests/component/streams.h"

#include "tests/component/proxy_fixture.h"

namespace reliability::component {

FakeUpstream::Script Words(int count, int cut_after) {
  return [=](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    for (int i = 1; i <= count; ++i) {
      if (cut_after >= 0 && i > cut_after) {
        c.Close();
        return;
      }
      c.Chunk(Token((i > 1 ? " word" : "word") + std::to_string(i)));
    }
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  };
}

std::string TextOf(const std::string& body, std::string_view key) {
  std::string text;
  const std::string mark = "\"" + std::string(key) + "\":\"";
  for (std::size_t at = body.find(mark); at != std::string::npos; at = body.find(mark, at)) {
    at += mark.size();
    text += body.substr(at, body.find('"', at) - at);
  }
  return text;
}

}  // namespace reliability::component
