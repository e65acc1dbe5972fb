#include "libs/yaml/yaml_to_json.h"

// The only place that includes yaml-cpp. It throws; its nodes are not thread-safe, so they never
// leave this file.
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <vector>

#include "libs/base/strings.h"

namespace reliability::yaml {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 100'000;

tl::unexpected<Error> At(const YAML::Mark& mark, std::string_view what) {
  std::string where;
  if (!mark.is_null()) {
    where = "line " + std::to_string(mark.line + 1) + ", column " +
            std::to_string(mark.column + 1) + ": ";
  }
  return Fail(Code::kInvalid, where.append(what));
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// YAML 1.2 core schema, section 10.3.2; integers beyond 64 bits become strings.
std::optional<std::string> Integer(std::string_view text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  int base = 10;
  if (digits.size() == text.size() && (digits.starts_with("0x") || digits.starts_with("0o"))) {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  } else if (!IsDigits(digits)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty() ||
      digits.front() == '-') {
    return std::nullopt;
  }
  return std::to_string(negative ? -value : value);
}

std::optional<std::string> Decimal(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) {
    rest.remove_prefix(1);
  }
  // from_chars also takes "inf", "nan" and hexadecimal: only digits, '.', 'e' and signs pass.
  const bool has_digit = rest.find_first_of("0123456789") != std::string_view::npos;
  if (!has_digit || rest.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      rest.find_first_of(".eE") == std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc{} || end != rest.data() + rest.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  char buffer[64];
  const auto out =
      std::to_chars(buffer, buffer + sizeof buffer, text.front() == '-' ? -value : value);
  return std::string(buffer, out.ptr);
}

std::string Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // yaml-cpp tags quoted scalars "!" and plain ones "?"; explicit tags are not our users' habit.
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
    return JsonString(text);
  }
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return "null";
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return "true";
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return "false";
  }
  if (auto number = Integer(text); number.has_value()) {
    return *number;
  }
  if (auto number = Decimal(text); number.has_value()) {
    return *number;
  }
  return JsonString(text);
}

class Converter {
 public:
  Status Convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) {
      return At(node.Mark(), "more than " + std::to_string(kMaxDepth) + " levels");
    }
    if (++nodes_ > kMaxNodes) {
      return At(node.Mark(), "more than " + std::to_string(kMaxNodes) +
                                 " values (an alias counts each time it is used)");
    }
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        out_ += "null";
        return {};
      case YAML::NodeType::Scalar:
        out_ += Scalar(node);
        return {};
      case YAML::NodeType::Sequence:
        return Sequence(node, depth);
      case YAML::NodeType::Map:
        return Map(node, depth);
    }
    return At(node.Mark(), "unknown kind of value");
  }
  std::string Take() { return std::move(out_); }

 private:
  Status Sequence(const YAML::Node& node, int depth) {
    out_ += '[';
    bool first = true;
    for (const YAML::Node& item : node) {
      out_ += first ? "" : ",";
      first = false;
      RELIABILITY_TRY(Convert(item, depth + 1));
    }
    out_ += ']';
    return {};
  }

  Status Map(const YAML::Node& node, int depth) {
    out_ += '{';
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      if (!key.IsScalar()) {
        return At(key.Mark(), "a key must be a plain text");
      }
      if (key.Scalar() == "<<" && key.Tag() != "!") {
        return At(key.Mark(), "merge keys (<<) are not supported");
      }
      if (!seen.insert(key.Scalar()).second) {
        return At(key.Mark(), "duplicate key " + JsonString(key.Scalar()));
      }
      out_ += seen.size() > 1 ? "," : "";
      out_ += JsonString(key.Scalar());
      out_ += ':';
      RELIABILITY_TRY(Convert(entry.second, depth + 1));
    }
    out_ += '}';
    return {};
  }

  std::string out_;
  std::size_t nodes_ = 0;
};

// yaml-cpp's parser recurses: deep flow nesting must be refused before it sees the text.
Status CheckNesting(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
    if (depth > kMaxDepth * 4) {
      return Fail(Code::kInvalid, "too many nested brackets");
    }
  }
  // "- - - -" and "? ? ?" and ": : :" nest within one line, too.
  int run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool indicator = c == '-' || c == '?' || c == ':';
    const bool opens = indicator && (i + 1 == text.size() || text[i + 1] == ' ' ||
                                     text[i + 1] == '\t' || text[i + 1] == '\n');
    if (opens) {
      ++run;
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      run = 0;
    }
    if (run > kMaxDepth * 4) {
      return Fail(Code::kInvalid, "too many nested sequences");
    }
  }
  return {};
}

}  // namespace

Result<std::string> YamlToJson(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Fail(Code::kInvalid, "more than 1 MiB of YAML");
  }
  RELIABILITY_TRY(CheckNesting(text));
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      return Fail(Code::kInvalid, "more than one YAML document");
    }
    if (documents.empty()) {
      return std::string("null");
    }
    Converter converter;
    RELIABILITY_TRY(converter.Convert(documents.front(), 1));
    return converter.Take();
  } catch (const YAML::Exception& e) {
    return At(e.mark, e.msg);
  } catch (const std::exception& e) {
    return Fail(Code::kInvalid, std::string("unreadable YAML: ") + e.what());
  }
}

}  // namespace reliability::yaml
