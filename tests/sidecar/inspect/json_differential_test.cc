// Our scanner against simdjson on-demand, behind the reader that we had before it: 100,000 texts,
// written at random and then damaged, each read in a random way. What ours reads, both read the
// same. What only ours refuses is no JSON: it may be stricter, where nobody looks on-demand lets
// much pass. Runs under the sanitizers too.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/inspect/json_reader.h"
#include "tests/sidecar/inspect/json_reference.h"
#include "tests/sidecar/inspect/json_writer.h"

namespace reliability::sidecar::inspect {
namespace {

constexpr std::uint64_t kSeed = 4711;
constexpr int kRounds = 100'000;
constexpr int kMaxDepth = 40;

struct Ours {
  using Value = JsonValue;
  template <class Field, class Element>
  static bool Root(const std::string& text, Field&& field, Element&& element) {
    return WithJson(text, [&](JsonDocument document) {
      return document.IsArray() ? EachElement(document, element) : EachField(document, field);
    });
  }
  static char Type(Value value) { return "oasnbz-"[static_cast<int>(TypeOf(value))]; }
  static std::string Word(Value value) { return std::string(RawText(value)); }
  static auto Text(Value value) { return AsString(value); }
  static auto Int(Value value) { return AsInt(value); }
  static auto Bool(Value value) { return AsBool(value); }
  static auto Bytes(Value value) { return StringBytes(value); }
  template <class Field>
  static bool Fields(Value value, Field&& field) {
    return EachField(value, field);
  }
  template <class Element>
  static bool Elements(Value value, Element&& element) {
    return EachElement(value, element);
  }
};

struct Theirs {
  using Value = reference::JsonValue;
  template <class Field, class Element>
  static bool Root(const std::string& text, Field&& field, Element&& element) {
    return reference::WithJson(text, [&](simdjson::ondemand::document& document) {
      reference::JsonType type{};
      reference::JsonArray array;
      if (document.type().get(type) != simdjson::SUCCESS) {
        return false;
      }
      if (type != reference::JsonType::array) {
        return reference::EachField(document, field);
      }
      return document.get_array().get(array) == simdjson::SUCCESS &&
             reference::EachElement(array, element);
    });
  }
  static char Type(Value value) {
    using reference::JsonType;
    JsonType type{};
    if (value.type().get(type) != simdjson::SUCCESS) {
      return '-';
    }
    return type == JsonType::object    ? 'o'
           : type == JsonType::array   ? 'a'
           : type == JsonType::string  ? 's'
           : type == JsonType::number  ? 'n'
           : type == JsonType::boolean ? 'b'
                                       : 'z';
  }
  static std::string Word(Value value) {
    const std::string_view token = value.raw_json_token();
    return std::string(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
  }
  static auto Text(Value value) { return reference::AsString(value); }
  static auto Int(Value value) { return reference::AsInt(value); }
  static auto Bool(Value value) { return reference::AsBool(value); }
  static auto Bytes(Value value) { return reference::StringBytes(value); }
  template <class Field>
  static bool Fields(Value value, Field&& field) {
    return reference::EachField(value, field);
  }
  template <class Element>
  static bool Elements(Value value, Element&& element) {
    return reference::EachElement(value, element);
  }
};

// Reads a text and writes down what it was told. Equal plans do equal things with equal values.
template <class Engine>
class Walk {
 public:
  explicit Walk(std::uint64_t plan) : plan_(plan) {}

  bool Read(const std::string& text) {
    return Engine::Root(
        text, [this](std::string_view key, auto value) { return Field(key, value, 0); },
        [this](auto value) { return Value(value, 0); });
  }
  [[nodiscard]] const std::string& told() const { return told_; }

 private:
  bool Field(std::string_view key, typename Engine::Value value, int depth) {
    told_.append(key).push_back('=');
    return Value(value, depth);
  }

  bool Value(typename Engine::Value value, int depth) {
    plan_ = plan_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const char type = Engine::Type(value);
    told_.push_back(type);
    switch ((plan_ >> 33U) % 8) {
      case 0:
        return true;  // nobody asks for it
      case 1:
        Tell(Engine::Text(value));
        return true;
      case 2:
        Tell(Engine::Int(value));
        return true;
      case 3:
        Tell(Engine::Bool(value));
        return true;
      case 4:
        told_ += std::to_string(Engine::Bytes(value));
        return true;
      case 5:
        if (type != 'o' && type != 'a' && type != '-') {
          told_ += Engine::Word(value);
          return true;
        }
        break;
      default:
        break;
    }
    if (const auto text = Engine::Text(value)) {
      Tell(text);
      return true;
    }
    if (depth == kMaxDepth) {
      return true;
    }
    return type == 'a' ? Engine::Elements(value, [&](auto item) { return Value(item, depth + 1); })
                       : Engine::Fields(value, [&](std::string_view key, auto item) {
                           return Field(key, item, depth + 1);
                         });
  }

  void Tell(const std::optional<std::string_view>& text) {
    told_.append(text ? *text : "none").push_back(';');
  }
  template <class Number>
  void Tell(const std::optional<Number>& number) {
    told_.append(number ? std::to_string(*number) : "none").push_back(';');
  }

  std::uint64_t plan_;
  std::string told_;
};

bool IsJson(const std::string& text) { return nlohmann::json::accept(text); }

TEST(JsonDifferential, BothReadTheSame) {
  std::cout << "seed " << kSeed << "\n";
  JsonWriter writer(kSeed);
  int read = 0;
  int stricter = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = writer.Document();
    for (std::uint64_t damage = writer.Below(4); damage > 0; --damage) {
      writer.Damage(text);
    }
    const std::uint64_t plan = writer.Below(UINT64_MAX);
    Walk<Ours> ours(plan);
    Walk<Theirs> theirs(plan);
    const bool ours_read = ours.Read(text);
    const bool theirs_read = theirs.Read(text);
    if (ours_read) {
      ASSERT_TRUE(theirs_read) << "round " << round << ": " << text;
      ASSERT_EQ(ours.told(), theirs.told()) << "round " << round << ": " << text;
      ++read;
    } else if (theirs_read) {
      ASSERT_FALSE(IsJson(text)) << "round " << round << ": " << text;
      ++stricter;
    }
  }
  std::cout << read << " read, " << stricter << " refused by ours alone\n";
  EXPECT_GT(read, kRounds / 5) << "damage must leave enough to read";
  EXPECT_LT(stricter, kRounds / 20);
}

}  // namespace
}  // namespace reliability::sidecar::inspect
