#include "sidecar/inspect/sse_splitter.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

std::string_view SseSplitter::Take(std::string_view bytes) {
  if (after_cr_) {
    after_cr_ = false;
    if (bytes.front() == '\n') {
      return bytes.substr(1);
    }
  }
  const std::size_t end = bytes.find_first_of("\r\n");
  const std::string_view piece = bytes.substr(0, end);
  line_bytes_ += piece.size();
  if (!skip_event_) {
    if (line_.size() + data_.size() + piece.size() > max_bytes_) {
      ++oversized_;
      skip_event_ = true;
      line_ = std::string();  // gives the memory back
      data_ = std::string();
    } else {
      line_.append(piece);
    }
  }
  if (end == std::string_view::npos) {
    return {};
  }
  after_cr_ = bytes[end] == '\r';
  EndLine();
  return bytes.substr(end + 1);
}

void SseSplitter::EndLine() {
  if (line_bytes_ == 0) {  // an empty line ends the event
    if (has_data_ && !skip_event_) {
      ready_ = true;
    } else {
      Reset();
    }
    return;
  }
  line_bytes_ = 0;
  if (skip_event_) {
    return;
  }
  std::string_view line = line_;
  if (first_line_ && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  first_line_ = false;
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) {
    value.remove_prefix(1);
  }
  if (field == "data") {
    if (has_data_) {
      data_.push_back('\n');
    }
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id") {
    has_id_ = true;
  }
  line_.clear();
}

void SseSplitter::Reset() {
  type_.clear();
  data_.clear();
  has_data_ = false;
  has_id_ = false;
  skip_event_ = false;
}

}  // namespace reliability::sidecar::inspect
