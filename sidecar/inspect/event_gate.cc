#include "sidecar/inspect/event_gate.h"

namespace reliability::sidecar::inspect {
namespace {

// Lines that end with CR alone: allowed, and hardly ever seen.
std::size_t EventSizeByReturns(std::string_view text) {
  std::size_t at = 0;
  while ((at = text.find('\r', at)) != std::string_view::npos) {
    ++at;
    if (at < text.size() && text[at] == '\r') {
      return at + 1;
    }
  }
  return 0;
}

}  // namespace

std::size_t EventGate::EventSize(std::string_view text) {
  // A line ends with LF, CRLF or CR; an empty one ends the event.
  std::size_t at = text.find('\n');
  if (at == std::string_view::npos) {
    return EventSizeByReturns(text);
  }
  while (at != std::string_view::npos) {
    ++at;
    if (at < text.size() && text[at] == '\n') {
      return at + 1;
    }
    if (at + 1 < text.size() && text[at] == '\r' && text[at + 1] == '\n') {
      return at + 2;
    }
    at = text.find('\n', at);
  }
  return 0;
}

}  // namespace reliability::sidecar::inspect
