#pragma once
// Appends JSON to a string, value by value; puts the commas. It does not check that what is written
// nests: the callers are few and tested. Pure.
//
//   JsonWriter json(out);
//   json.Object().Text("type", "ping").Array("items").Value(1).EndArray().EndObject();
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/strings.h"

namespace reliability::sidecar::translate {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& Object() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& Array() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }
  JsonWriter& Object(std::string_view key) { return Key(key).Object(); }
  JsonWriter& Array(std::string_view key) { return Key(key).Array(); }

  JsonWriter& Text(std::string_view key, std::string_view value) { return Key(key).Text(value); }
  JsonWriter& Text(std::string_view value) { return Raw(JsonString(value)); }
  JsonWriter& Int(std::string_view key, std::int64_t value) {
    return Key(key).Raw(std::to_string(value));
  }
  // Shortest text that reads back as the same number.
  JsonWriter& Number(std::string_view key, double value) {
    char digits[32];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
    return Key(key).Raw(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
  JsonWriter& Flag(std::string_view key, bool value) {
    return Key(key).Raw(value ? "true" : "false");
  }
  JsonWriter& Null(std::string_view key) { return Key(key).Raw("null"); }
  // `json` is one JSON value.
  JsonWriter& Raw(std::string_view key, std::string_view json) { return Key(key).Raw(json); }
  JsonWriter& Raw(std::string_view json) {
    Comma();
    out_.append(json);
    comma_ = true;
    return *this;
  }
  // The next call writes its value.
  JsonWriter& Key(std::string_view key) {
    Comma();
    out_.push_back('"');
    out_.append(key);  // our own names: nothing to escape
    out_.append("\":");
    comma_ = false;
    return *this;
  }
  // `members` is the inside of an object, maybe empty.
  JsonWriter& Members(std::string_view members) { return members.empty() ? *this : Raw(members); }

 private:
  JsonWriter& Begin(char bracket) {
    Comma();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  JsonWriter& End(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  void Comma() {
    if (comma_) {
      out_.push_back(',');
    }
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace reliability::sidecar::translate
