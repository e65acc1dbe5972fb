#include "libs/net/http_head_parser.h"

#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "libs/base/strings.h"
#include "libs/net/asio.h"

namespace reliability::net {
namespace {

namespace http = boost::beast::http;
using BeastView = boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

std::string_view ToView(BeastView text) { return {text.data(), text.size()}; }

FieldId IdOf(http::field field, std::string_view name) {
  switch (field) {
    case http::field::host:
      return FieldId::kHost;
    case http::field::connection:
      return FieldId::kConnection;
    case http::field::content_length:
      return FieldId::kContentLength;
    case http::field::transfer_encoding:
      return FieldId::kTransferEncoding;
    case http::field::content_type:
      return FieldId::kContentType;
    case http::field::content_encoding:
      return FieldId::kContentEncoding;
    case http::field::accept_encoding:
      return FieldId::kAcceptEncoding;
    case http::field::authorization:
      return FieldId::kAuthorization;
    case http::field::expect:
      return FieldId::kExpect;
    case http::field::upgrade:
      return FieldId::kUpgrade;
    case http::field::origin:
      return FieldId::kOrigin;
    case http::field::retry_after:
      return FieldId::kRetryAfter;
    case http::field::keep_alive:
    case http::field::te:
    case http::field::trailer:
    case http::field::proxy_connection:
    case http::field::proxy_authorization:
    case http::field::proxy_authenticate:
    case http::field::proxy_authentication_info:
      return FieldId::kHopByHop;
    default:
      return EqualsIgnoreCase(name, "http2-settings") ? FieldId::kHopByHop : FieldId::kOther;
  }
}

// Where the head ends, or what is wrong with it on the level of bytes.
HeadResult Scan(std::string_view buffer, std::size_t& scanned) {
  const std::string_view window = buffer.substr(0, kMaxHeadBytes);
  std::size_t at = scanned;
  while (true) {
    const void* found =
        at < window.size() ? std::memchr(window.data() + at, '\n', window.size() - at) : nullptr;
    if (found == nullptr) {
      if (buffer.size() >= kMaxHeadBytes) {
        return {HeadStatus::kTooLarge, 0, "head too large"};
      }
      scanned = window.size();
      return {};
    }
    const auto lf = static_cast<std::size_t>(static_cast<const char*>(found) - window.data());
    if (lf == 0 || window[lf - 1] != '\r') {
      return {HeadStatus::kBad, 0, "bare LF"};
    }
    if (lf == 1) {
      return {HeadStatus::kBad, 0, "empty line before the start line"};
    }
    if (lf >= 3 && window[lf - 2] == '\n') {
      return {HeadStatus::kComplete, lf + 1, ""};
    }
    at = lf + 1;
  }
}

// Byte rules of a complete head that Beast does not have or does not apply everywhere.
const char* BadBytes(std::string_view head) {
  if (std::memchr(head.data(), '\0', head.size()) != nullptr) {
    return "NUL byte";
  }
  for (std::size_t i = head.find('\r'); i != std::string_view::npos; i = head.find('\r', i + 1)) {
    if (i + 1 >= head.size() || head[i + 1] != '\n') {
      return "bare CR";
    }
    const char next = i + 2 < head.size() ? head[i + 2] : '\r';
    if (next == ' ' || next == '\t') {
      return "folded header line";
    }
  }
  return nullptr;
}

// Collects what Beast finds into our head and applies the framing rules.
template <bool kIsRequest>
class Collector final : public http::basic_parser<kIsRequest> {
 public:
  using Head = std::conditional_t<kIsRequest, RequestHead, ResponseHead>;
  explicit Collector(Head& head) : head_(head) {
    this->header_limit(static_cast<std::uint32_t>(kMaxHeadBytes + 1));
    // Not `none`: Boost 1.74 then finds every Content-Length too large.
    this->body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  [[nodiscard]] const char* reason() const { return reason_; }
  [[nodiscard]] bool too_many() const { return too_many_; }

  // RFC 9112 section 6: after all fields are known.
  [[nodiscard]] const char* CheckMessage() const {
    if (lengths_ > 0 && encodings_ > 0) {
      return "Content-Length with Transfer-Encoding";
    }
    if (encodings_ > 0 && head_.version < 11) {
      return "Transfer-Encoding in HTTP/1.0";
    }
    if (kIsRequest && (hosts_ > 1 || (hosts_ == 0 && head_.version >= 11))) {
      return hosts_ > 1 ? "second Host" : "no Host";
    }
    return nullptr;
  }

 private:
  void Refuse(ErrorCode& error, const char* reason) {
    reason_ = reason;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       ErrorCode&) override {
    if constexpr (kIsRequest) {
      head_.method = ToView(method);
      head_.target = ToView(target);
      head_.version = version;
    }
  }
  void on_response_impl(int code, BeastView reason, int version, ErrorCode&) override {
    if constexpr (!kIsRequest) {
      head_.status = code;
      head_.reason = ToView(reason);
      head_.version = version;
    }
  }
  void on_field_impl(http::field field, BeastView name, BeastView value,
                     ErrorCode& error) override {
    if (head_.fields.size() >= kMaxHeadFields) {
      too_many_ = true;
      Refuse(error, "too many header fields");
      return;
    }
    const Field& added =
        head_.fields.emplace_back(IdOf(field, ToView(name)), ToView(name), ToView(value));
    switch (added.id) {
      case FieldId::kContentLength:
        OnLength(added.value, error);
        break;
      case FieldId::kTransferEncoding:
        if (++encodings_ > 1 || !EqualsIgnoreCase(added.value, "chunked")) {
          Refuse(error, "Transfer-Encoding other than chunked");
        }
        head_.framing.chunked = true;
        break;
      case FieldId::kHost:
        ++hosts_;
        break;
      default:
        break;
    }
  }
  void OnLength(std::string_view value, ErrorCode& error) {
    const auto length = ParseUint(value);
    if (++lengths_ > 1 || !length.has_value()) {
      Refuse(error, lengths_ > 1 ? "second Content-Length" : "bad Content-Length");
      return;
    }
    head_.framing.content_length = *length;
  }
  void on_header_impl(ErrorCode&) override {}
  // Bodies are not this parser's: it gets exactly one head.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastView, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  Head& head_;
  const char* reason_ = nullptr;
  int lengths_ = 0;
  int encodings_ = 0;
  int hosts_ = 0;
  bool too_many_ = false;
};

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

template <bool kIsRequest, class Head>
HeadResult Parse(std::string_view buffer, std::size_t& scanned, Head& head) {
  const HeadResult end = Scan(buffer, scanned);
  if (end.status != HeadStatus::kComplete) {
    return end;
  }
  const std::string_view text = buffer.substr(0, end.bytes);
  if (const char* bad = BadBytes(text)) {
    return {HeadStatus::kBad, 0, bad};
  }
  std::vector<Field> fields = std::move(head.fields);  // keeps its capacity
  fields.clear();
  head = Head{};
  head.fields = std::move(fields);
  Collector<kIsRequest> collector(head);
  ErrorCode error;
  const std::size_t used =
      collector.put(boost::asio::const_buffer(text.data(), text.size()), error);
  if (error) {
    if (collector.too_many()) {
      return {HeadStatus::kTooLarge, 0, collector.reason()};
    }
    if (error == http::error::bad_version) {
      return {HeadStatus::kBadVersion, 0, "HTTP version not supported"};
    }
    return {HeadStatus::kBad, 0, collector.reason() != nullptr ? collector.reason() : "malformed"};
  }
  if (used != text.size()) {
    return {HeadStatus::kBad, 0, "malformed"};
  }
  if (const char* bad = collector.CheckMessage()) {
    return {HeadStatus::kBad, 0, bad};
  }
  head.keep_alive =
      head.version >= 11 ? !ConnectionHas(head, "close") : ConnectionHas(head, "keep-alive");
  return {HeadStatus::kComplete, end.bytes, ""};
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

std::string_view HeadCommon::Get(FieldId id) const {
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
