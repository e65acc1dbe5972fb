#include <utility>

#include "libs/api/encode.h"
#include "libs/base/duration.h"

namespace reliability::api {
namespace {

// Writes the visited field into *target_ under its name. Never changes what it visits.
class JsonEncoder final : public FieldVisitor {
 public:
  nlohmann::json Encode(FieldsFn fields, void* object) {
    const State saved = std::exchange(state_, State{});
    nlohmann::json json = nlohmann::json::object();
    nlohmann::json* const outer = std::exchange(target_, &json);
    fields(*this, object);
    target_ = outer;
    state_ = saved;
    return json;
  }

 protected:
  void OnString(std::string& value) override { PutUnlessEmpty(value, value.empty()); }
  void OnInt(std::int64_t& value, std::int64_t /*min*/, std::int64_t /*max*/) override {
    Put(value);
  }
  void OnBool(bool& value) override { Put(value); }
  void OnDouble(double& value) override { Put(FormatRatio(Ratio::FromDouble(value))); }
  void OnRatio(Ratio& value, bool percent) override {
    Put(percent ? FormatPercent(value) : FormatRatio(value));
  }
  void OnDuration(Milliseconds& value) override { Put(FormatDuration(value)); }
  void OnTime(SystemTime& value) override { Put(FormatRfc3339(value)); }
  void OnEnum(std::size_t& value, std::span<const std::string_view> names) override {
    Put(std::string(names[value]));
  }
  void OnStrings(std::vector<std::string>& value) override { PutUnlessEmpty(value, value.empty()); }
  void OnStringMap(StringMap& value) override {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& [key, text] : value) {
      json[key] = text;
    }
    PutUnlessEmpty(json, json.empty());
  }
  void OnObject(FieldsFn fields, void* object) override {
    const std::string name(state_.name);
    const bool keep = state_.presence == Presence::kRequired || std::exchange(engaged_, false);
    nlohmann::json json = Encode(fields, object);
    if (keep || !json.empty()) {
      (*target_)[name] = std::move(json);
    }
  }
  void OnList(const ListRef& list) override {
    const std::string name(state_.name);
    const bool keep = state_.presence == Presence::kRequired;
    nlohmann::json json = nlohmann::json::array();
    for (std::size_t i = 0; i < list.size(list.list); ++i) {
      json.push_back(Encode(list.fields, list.at(list.list, i)));
    }
    if (keep || !json.empty()) {
      (*target_)[name] = std::move(json);
    }
  }
  bool WantsOptional(bool has_value) override {
    engaged_ = has_value;
    return has_value;
  }

 private:
  template <class T>
  void Put(const T& value) {
    engaged_ = false;
    (*target_)[std::string(state_.name)] = value;
  }
  template <class T>
  void PutUnlessEmpty(const T& value, bool empty) {
    const bool keep = state_.presence == Presence::kRequired || std::exchange(engaged_, false);
    if (keep || !empty) {
      Put(value);
    }
  }

  nlohmann::json* target_ = nullptr;
  bool engaged_ = false;  // the visited object is an optional with a value
};

}  // namespace

nlohmann::json EncodeFields(FieldsFn fields, void* object) {
  return JsonEncoder().Encode(fields, object);
}

}  // namespace reliability::api
