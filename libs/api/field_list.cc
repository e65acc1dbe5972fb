#include "libs/api/field_list.h"

#include <utility>

#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::api {
namespace {

class FieldLister final : public FieldVisitor {
 public:
  void Walk(FieldsFn fields, void* object, std::string prefix) {
    const State saved = std::exchange(state_, State{});
    std::string outer = std::exchange(prefix_, std::move(prefix));
    fields(*this, object);
    prefix_ = std::move(outer);
    state_ = saved;
  }
  std::vector<FieldInfo> Take() { return std::move(list_); }

 protected:
  void OnString(std::string& value) override {
    Add("string", value.empty() ? "" : JsonString(value));
  }
  void OnInt(std::int64_t& value, std::int64_t /*min*/, std::int64_t /*max*/) override {
    Add("integer", std::to_string(value));
  }
  void OnBool(bool& value) override { Add("boolean", value ? "true" : "false"); }
  void OnDouble(double& value) override {
    Add("string", JsonString(FormatRatio(Ratio::FromDouble(value))));
  }
  void OnRatio(Ratio& value, bool percent) override {
    Add("string", JsonString(percent ? FormatPercent(value) : FormatRatio(value)));
  }
  void OnDuration(Milliseconds& value) override {
    Add("string", JsonString(FormatDuration(value)));
  }
  void OnTime(SystemTime& value) override { Add("string", JsonString(FormatRfc3339(value))); }
  void OnEnum(std::size_t& value, std::span<const std::string_view> names) override {
    Add("string", JsonString(names[value]));
    for (const std::string_view name : names) {
      list_.back().enum_names.emplace_back(name);
    }
  }
  void OnStrings(std::vector<std::string>& /*value*/) override {
    Add("string", "");
    list_.back().path += "[]";
  }
  void OnStringMap(StringMap& /*value*/) override { Add("map", ""); }
  void OnObject(FieldsFn fields, void* object) override {
    optional_ = false;
    Walk(fields, object, Path() + ".");
  }
  void OnList(const ListRef& list) override {
    Walk(list.fields, list.append(list.list), Path() + "[].");
  }
  bool WantsOptional(bool has_value) override {
    optional_ = !has_value;
    return true;
  }

 private:
  [[nodiscard]] std::string Path() const { return prefix_ + std::string(state_.name); }
  void Add(std::string type, std::string default_value) {
    FieldInfo info;
    info.path = Path();
    info.type = std::move(type);
    info.required = state_.presence == Presence::kRequired;
    if (!std::exchange(optional_, false) && !info.required) {
      info.default_value = std::move(default_value);
    }
    list_.push_back(std::move(info));
  }

  std::string prefix_;
  bool optional_ = false;
  std::vector<FieldInfo> list_;
};

}  // namespace

std::vector<FieldInfo> ListFields(FieldsFn fields, void* default_object) {
  FieldLister lister;
  lister.Walk(fields, default_object, "");
  return lister.Take();
}

}  // namespace reliability::api
