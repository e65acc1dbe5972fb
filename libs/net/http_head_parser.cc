#include "libs/net/http_head_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "libs/base/strings.h"
#include "libs/net/http_field_ids.h"
#include "libs/net/http_grammar.h"

namespace reliability::net {
namespace {

// Most messages have fewer fields: one allocation.
constexpr std::size_t kUsualFields = 16;

// Where the head ends, or what is wrong with its line ends.
HeadResult Scan(std::string_view buffer, std::size_t& scanned) {
  const std::string_view window = buffer.substr(0, kMaxHeadBytes);
  const char* const begin = window.data();
  HeadResult result;
  const auto judge = [&result, begin](const char* feed) {
    const std::ptrdiff_t before = feed - begin;
    if (before == 0 || feed[-1] != '\r') {
      result = {HeadStatus::kBad, 0, "bare LF"};
    } else if (before == 1) {
      result = {HeadStatus::kBad, 0, "empty line before the start line"};
    } else if (feed[-2] == '\n') {
      result = {HeadStatus::kComplete, static_cast<std::size_t>(before + 1), ""};
    }
    return result.status != HeadStatus::kIncomplete;
  };
  if (grammar::AnyLineFeed(begin + std::min(scanned, window.size()), begin + window.size(),
                           judge)) {
    return result;
  }
  if (buffer.size() >= kMaxHeadBytes) {
    return {HeadStatus::kTooLarge, 0, "head too large"};
  }
  scanned = window.size();
  return {};
}

bool ConnectionHas(const HeadCommon& head, std::string_view token) {
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kConnection) {
      continue;
    }
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (EqualsIgnoreCase(Trim(rest.substr(0, comma)), token)) {
        return true;
      }
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return false;
}

bool IsTokenList(std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    for (const char c : Trim(value.substr(0, comma))) {
      if (!grammar::IsToken(c)) {
        return false;
      }
    }
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
  }
  return true;
}

// Reads a head whose end is known: `text` ends with its only empty line, and each LF in it follows
// a CR. So every loop below stops at a CR at the latest.
template <bool kIsRequest>
class Reader {
 public:
  using Head = std::conditional_t<kIsRequest, RequestHead, ResponseHead>;
  Reader(std::string_view text, Head& head)
      : at_(text.data()), end_(text.data() + text.size()), head_(head) {}

  HeadResult Read() {
    if (StartLine() && Fields() && CheckMessage()) {
      head_.keep_alive = head_.version >= 11 ? !connection_ || !ConnectionHas(head_, "close")
                                             : connection_ && ConnectionHas(head_, "keep-alive");
      return {HeadStatus::kComplete, 0, ""};
    }
    return {status_, 0, reason_};
  }

 private:
  bool Refuse(const char* reason, HeadStatus status = HeadStatus::kBad) {
    reason_ = reason;
    status_ = status;
    return false;
  }
  // Says what the byte at at_, which must not be there, is.
  bool RefuseByte() {
    return Refuse(*at_ == '\0'                     ? "NUL byte"
                  : *at_ == '\r' && at_[1] != '\n' ? "bare CR"
                                                   : "malformed");
  }

  bool StartLine() {
    if constexpr (kIsRequest) {
      const char* method = at_;
      at_ = grammar::FindNotToken(at_, end_);
      head_.method = {method, static_cast<std::size_t>(at_ - method)};
      if (head_.method.empty() || *at_ != ' ') {
        return RefuseByte();
      }
      const char* target = ++at_;
      at_ = grammar::FindNotVisible(at_, end_);
      head_.target = {target, static_cast<std::size_t>(at_ - target)};
      if (head_.target.empty() || *at_ != ' ') {
        return RefuseByte();
      }
      ++at_;
      return Version() && EndOfLine("HTTP version not supported", HeadStatus::kBadVersion);
    } else {
      if (!Version()) {
        return false;
      }
      if (*at_ != ' ') {
        return RefuseByte();
      }
      ++at_;
      for (int i = 0; i < 3; ++i, ++at_) {
        if (*at_ < '0' || *at_ > '9') {
          return RefuseByte();
        }
        head_.status = head_.status * 10 + (*at_ - '0');
      }
      if (*at_ != ' ') {
        return RefuseByte();
      }
      const char* phrase = ++at_;
      at_ = grammar::FindNotText(at_, end_);
      head_.reason = {phrase, static_cast<std::size_t>(at_ - phrase)};
      return EndOfLine(nullptr, HeadStatus::kBad);
    }
  }

  // "HTTP/1.1"
  bool Version() {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (end_ - at_ < 8 || std::memcmp(at_, "HTTP/", 5) != 0 || !is_digit(at_[5]) || at_[6] != '.' ||
        !is_digit(at_[7])) {
      return Refuse("HTTP version not supported", HeadStatus::kBadVersion);
    }
    head_.version = (at_[5] - '0') * 10 + (at_[7] - '0');
    at_ += 8;
    return head_.version == 10 || head_.version == 11 ||
           Refuse("HTTP version not supported", HeadStatus::kBadVersion);
  }

  bool EndOfLine(const char* reason, HeadStatus status) {
    if (*at_ != '\r' || at_[1] != '\n') {
      return reason != nullptr ? Refuse(reason, status) : RefuseByte();
    }
    at_ += 2;
    return (*at_ != ' ' && *at_ != '\t') || Refuse("folded header line");
  }

  bool Fields() {
    if (head_.fields.capacity() == 0) {
      head_.fields.reserve(kUsualFields);
    }
    while (*at_ != '\r') {
      const char* name = at_;
      const char* at = grammar::FindNotToken(at_, end_);
      const std::string_view name_text(name, static_cast<std::size_t>(at - name));
      if (name_text.empty() || *at != ':') {
        at_ = at;
        return RefuseByte();
      }
      ++at;
      while (*at == ' ' || *at == '\t') {
        ++at;
      }
      const char* value = at;
      at_ = grammar::FindNotText(at, end_);
      const char* value_end = at_;
      if (!EndOfLine(nullptr, HeadStatus::kBad)) {
        return false;
      }
      while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t')) {
        --value_end;
      }
      if (!Add(name_text, {value, static_cast<std::size_t>(value_end - value)})) {
        return false;
      }
    }
    return at_ + 2 == end_ || RefuseByte();
  }

  bool Add(std::string_view name, std::string_view value) {
    if (head_.fields.size() >= kMaxHeadFields) {
      return Refuse("too many header fields", HeadStatus::kTooLarge);
    }
    const FieldId id = IdOf(name);
    head_.fields.push_back({id, name, value});
    head_.ids |= HeadCommon::Bit(id);
    switch (id) {
      case FieldId::kContentLength: {
        const auto length = ParseUint(value);
        if (++lengths_ > 1 || !length.has_value()) {
          return Refuse(lengths_ > 1 ? "second Content-Length" : "bad Content-Length");
        }
        head_.framing.content_length = *length;
        break;
      }
      case FieldId::kTransferEncoding:
        if (++encodings_ > 1 || !EqualsIgnoreCase(value, "chunked")) {
          return Refuse("Transfer-Encoding other than chunked");
        }
        head_.framing.chunked = true;
        break;
      case FieldId::kHost:
        ++hosts_;
        break;
      case FieldId::kConnection:
        connection_ = true;
        return IsTokenList(value) || Refuse("malformed");
      default:
        break;
    }
    return true;
  }

  // RFC 9112 section 6: after all fields are known.
  bool CheckMessage() {
    if (lengths_ > 0 && encodings_ > 0) {
      return Refuse("Content-Length with Transfer-Encoding");
    }
    if (encodings_ > 0 && head_.version < 11) {
      return Refuse("Transfer-Encoding in HTTP/1.0");
    }
    if (kIsRequest && (hosts_ > 1 || (hosts_ == 0 && head_.version >= 11))) {
      return Refuse(hosts_ > 1 ? "second Host" : "no Host");
    }
    return true;
  }

  const char* at_;
  const char* const end_;
  Head& head_;
  HeadStatus status_ = HeadStatus::kBad;
  const char* reason_ = "malformed";
  int lengths_ = 0;
  int encodings_ = 0;
  int hosts_ = 0;
  bool connection_ = false;
};

template <bool kIsRequest, class Head>
HeadResult Parse(std::string_view buffer, std::size_t& scanned, Head& head) {
  const HeadResult end = Scan(buffer, scanned);
  if (end.status != HeadStatus::kComplete) {
    return end;
  }
  std::vector<Field> fields = std::move(head.fields);  // keeps its capacity
  fields.clear();
  head = Head{};
  head.fields = std::move(fields);
  HeadResult result = Reader<kIsRequest>(buffer.substr(0, end.bytes), head).Read();
  if (result.status == HeadStatus::kComplete) {
    result.bytes = end.bytes;
  }
  return result;
}

}  // namespace

std::string_view HeadCommon::Get(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name.size() == name.size() && EqualsIgnoreCase(field.name, name)) {
      return field.value;
    }
  }
  return {};
}

std::string_view HeadCommon::Find(FieldId id) const {
  for (const Field& field : fields) {
    if (field.id == id) {
      return field.value;
    }
  }
  return {};
}

bool HeadCommon::ListedInConnection(std::string_view name) const {
  return ConnectionHas(*this, name);
}

HeadResult ParseRequestHead(std::string_view buffer, std::size_t& scanned, RequestHead& head) {
  return Parse<true>(buffer, scanned, head);
}

HeadResult ParseResponseHead(std::string_view buffer, std::size_t& scanned, ResponseHead& head) {
  return Parse<false>(buffer, scanned, head);
}

}  // namespace reliability::net
