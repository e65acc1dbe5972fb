// The only file of this library that includes simdjson.
#include <simdjson.h>

#include <string>
#include <utility>

#include "libs/api/decode.h"
#include "libs/base/duration.h"

namespace reliability::api {
namespace {

namespace ondemand = simdjson::ondemand;

// One document at a time. After the first error every call is a no-op.
class JsonDecoder final : public FieldVisitor {
 public:
  Status Decode(ondemand::document& document, FieldsFn fields, void* object) {
    ondemand::object root;
    if (const auto error = document.get_object().get(root)) {
      Mismatch(error, "an object");
    } else {
      ReadObject(root, fields, object);
    }
    // Trailing bytes: a second document would be dropped silently.
    const char* location = nullptr;
    if (!failed_ && document.current_location().get(location) != simdjson::OUT_OF_BOUNDS) {
      FailHere("unexpected bytes after the end of the object");
    }
    if (failed_) {
      return Fail(Code::kInvalid, std::move(message_));
    }
    return {};
  }

 protected:
  void OnString(std::string& value) override { ReadString(value_, value); }
  void OnInt(std::int64_t& value, std::int64_t min, std::int64_t max) override {
    std::int64_t number = 0;
    if (const auto error = value_.get_int64().get(number)) {
      Mismatch(error, "an integer");
    } else if (number < min || number > max) {
      FailHere("the integer is out of range");
    } else {
      value = number;
    }
  }
  void OnBool(bool& value) override {
    if (const auto error = value_.get_bool().get(value)) {
      Mismatch(error, "true or false");
    }
  }
  void OnDouble(double& value) override {
    Ratio ratio;
    OnRatio(ratio, false);
    value = ratio.value();
  }
  void OnRatio(Ratio& value, bool percent) override {
    Parse(value, [percent](std::string_view text) {
      return percent ? ParsePercent(text) : ParseRatio(text);
    });
  }
  void OnDuration(Milliseconds& value) override {
    Parse(value, [](std::string_view text) { return ParseDuration(text); });
  }
  void OnTime(SystemTime& value) override {
    Parse(value, [](std::string_view text) { return ParseRfc3339(text); });
  }
  void OnEnum(std::size_t& value, std::span<const std::string_view> names) override {
    std::string_view text;
    if (const auto error = value_.get_string().get(text)) {
      Mismatch(error, "a string");
      return;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) {
        value = i;
        return;
      }
    }
    std::string expected;
    for (const std::string_view name : names) {
      expected += (expected.empty() ? "" : ", ") + std::string(name);
    }
    FailHere("\"" + std::string(text) + "\" is none of " + expected);
  }
  void OnStrings(std::vector<std::string>& value) override {
    value.clear();
    ReadArray([&] { ReadString(value_, value.emplace_back()); });
  }
  void OnStringMap(StringMap& value) override {
    ondemand::object object;
    if (const auto error = value_.get_object().get(object)) {
      Mismatch(error, "an object");
      return;
    }
    for (auto entry : object) {
      ondemand::field field;
      std::string_view key;
      if (std::move(entry).get(field) != simdjson::SUCCESS ||
          field.unescaped_key().get(key) != simdjson::SUCCESS) {
        Malformed();
        return;
      }
      // As large as the object itself and of no use to us.
      if (key == "kubectl.kubernetes.io/last-applied-configuration") {
        continue;
      }
      std::string text;
      ReadString(field.value(), text);
      if (failed_) {
        return;
      }
      value.Set(std::string(key), std::move(text));
    }
  }
  void OnObject(FieldsFn fields, void* object) override {
    ondemand::object json;
    if (const auto error = value_.get_object().get(json)) {
      Mismatch(error, "an object");
      return;
    }
    ReadObject(json, fields, object);
  }
  void OnList(const ListRef& list) override {
    ReadArray([&] {
      ondemand::object json;
      void* element = list.append(list.list);
      if (const auto error = value_.get_object().get(json)) {
        Mismatch(error, "an object");
        return;
      }
      ReadObject(json, list.fields, element);
    });
  }
  bool WantsOptional(bool /*has_value*/) override { return true; }

 private:
  void ReadObject(ondemand::object& json, FieldsFn fields, void* object) {
    const State saved = std::exchange(state_, State{});
    for (auto entry : json) {
      ondemand::field field;
      std::string_view key;
      if (std::move(entry).get(field) != simdjson::SUCCESS ||
          field.unescaped_key().get(key) != simdjson::SUCCESS) {
        Malformed();
        break;
      }
      value_ = field.value();
      bool null = false;
      if (value_.type().error() != simdjson::SUCCESS) {
        Malformed();
        break;
      }
      null = value_.type().value_unsafe() == ondemand::json_type::null;
      if (null) {
        continue;
      }
      state_.walk = Walk::kNamed;
      state_.wanted = key;
      state_.found = false;
      state_.index = 0;
      const std::size_t length = path_.size();
      path_ += path_.empty() ? "" : ".";
      path_ += key;
      fields(*this, object);
      if (failed_) {
        break;
      }
      path_.resize(length);
    }
    if (!failed_) {
      state_.walk = Walk::kMissing;
      state_.index = 0;
      fields(*this, object);
      if (!state_.missing.empty()) {
        path_ += path_.empty() ? "" : ".";
        path_ += state_.missing;
        FailHere("required, but absent");
      }
    }
    state_ = saved;
  }

  template <class ReadElement>
  void ReadArray(ReadElement read) {
    ondemand::array array;
    if (const auto error = value_.get_array().get(array)) {
      Mismatch(error, "a list");
      return;
    }
    std::size_t index = 0;
    const std::size_t length = path_.size();
    for (auto element : array) {
      ondemand::value json;
      if (std::move(element).get(json) != simdjson::SUCCESS) {
        Malformed();
        return;
      }
      path_ += "[" + std::to_string(index++) + "]";
      value_ = json;
      read();
      if (failed_) {
        return;
      }
      path_.resize(length);
    }
  }

  void ReadString(ondemand::value json, std::string& out) {
    std::string_view text;
    if (const auto error = json.get_string().get(text)) {
      Mismatch(error, "a string");
      return;
    }
    out.assign(text);
  }

  template <class T, class ParseFn>
  void Parse(T& value, ParseFn parse) {
    std::string_view text;
    if (const auto error = value_.get_string().get(text)) {
      Mismatch(error, "a string");
      return;
    }
    auto parsed = parse(text);
    if (!parsed.has_value()) {
      FailHere(parsed.error().message);
      return;
    }
    value = *parsed;
  }

  void Mismatch(simdjson::error_code error, std::string_view expected) {
    if (error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR ||
        error == simdjson::NUMBER_OUT_OF_RANGE) {
      FailHere("must be " + std::string(expected));
    } else {
      Malformed();
    }
  }
  void Malformed() { FailHere("the JSON is malformed or cut off"); }
  void FailHere(const std::string& what) {
    if (!failed_) {
      failed_ = true;
      message_ = path_.empty() ? what : path_ + ": " + what;
    }
  }

  ondemand::value value_;  // the field being visited
  std::string path_;       // of value_, for messages
  bool failed_ = false;
  std::string message_;
};

// A parser and a padded copy of the text; both keep their memory for the next object.
struct Workspace {
  ondemand::parser parser;
  std::string text;
};

constexpr std::size_t kKeepBytes = 1 << 20;

}  // namespace

Status DecodeFields(std::string_view json, FieldsFn fields, void* object) {
  thread_local Workspace workspace;
  workspace.text.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  workspace.text.assign(json);
  ondemand::document document;
  Status status;
  if (const auto error =
          workspace.parser
              .iterate(workspace.text.data(), workspace.text.size(), workspace.text.capacity())
              .get(document)) {
    status = Fail(Code::kInvalid, std::string("not JSON: ") + simdjson::error_message(error));
  } else {
    status = JsonDecoder().Decode(document, fields, object);
  }
  if (json.size() > kKeepBytes) {
    workspace = Workspace();
  }
  return status;
}

}  // namespace reliability::api
