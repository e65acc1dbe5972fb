#pragma once
// How a resource type names its fields: once. Each struct S of this folder has
//
//   void Fields(FieldVisitor& v, S& s) {
//     v.Field("timeout", s.timeout);
//     v.Field("name", s.name, Presence::kRequired);
//   }
//
// and everything that walks resources is a visitor: the simdjson decoder (json_decoder.cc), the
// nlohmann encoder (json_encoder.cc), the list of known paths (field_list.cc). So the decoder, the
// encoder and the test against the CRD schemas cannot disagree about what a field is called.
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "libs/api/ratio.h"
#include "libs/api/string_map.h"
#include "libs/base/clock.h"

namespace reliability::api {

// kRequired: the decoder fails without it, the encoder always writes it.
enum class Presence { kOptional, kRequired };

// Specialised for each enum of the API: kNames[i] is the word for the enumerator with value i.
template <class E>
struct EnumNames;

template <class E>
[[nodiscard]] constexpr std::string_view ToString(E value)
  requires std::is_enum_v<E>
{
  return EnumNames<E>::kNames[static_cast<std::size_t>(value)];
}

class FieldVisitor;
using FieldsFn = void (*)(FieldVisitor&, void*);

template <class T>
void FieldsOf(FieldVisitor& visitor, void* object) {
  Fields(visitor, *static_cast<T*>(object));
}

// A std::vector of structs without its type.
struct ListRef {
  void* list;
  std::size_t (*size)(const void* list);
  void* (*at)(void* list, std::size_t index);
  void* (*append)(void* list);  // adds a default element
  FieldsFn fields;
};

// Not thread-safe; one visitor per walk. Fields() must name the fields in the same order each time
// and at most 64 of them.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  template <class T>
  void Field(std::string_view name, T& value, Presence presence = Presence::kOptional) {
    if (Enter(name, presence)) {
      Visit(value);
    }
  }
  // A Ratio that JSON has as a percentage ("95" is 0.95).
  void Percent(std::string_view name, Ratio& value, Presence presence = Presence::kOptional) {
    if (Enter(name, presence)) {
      OnRatio(value, true);
    }
  }

 protected:
  enum class Walk {
    kAll,      // every field (encoder, list of paths)
    kNamed,    // only the field called wanted (decoder, once per JSON key)
    kMissing,  // none: finds the first required field that was not seen
  };
  struct State {
    Walk walk = Walk::kAll;
    std::string_view wanted;
    bool found = false;
    std::uint64_t seen = 0;  // bit per field in the order of Fields()
    std::size_t index = 0;
    std::string_view missing;
    // The field being visited.
    std::string_view name;
    Presence presence = Presence::kOptional;
  };

  virtual void OnString(std::string& value) = 0;
  virtual void OnInt(std::int64_t& value, std::int64_t min, std::int64_t max) = 0;
  virtual void OnBool(bool& value) = 0;
  virtual void OnDouble(double& value) = 0;  // a decimal string in JSON
  virtual void OnRatio(Ratio& value, bool percent) = 0;
  virtual void OnDuration(Milliseconds& value) = 0;
  virtual void OnTime(SystemTime& value) = 0;
  virtual void OnEnum(std::size_t& value, std::span<const std::string_view> names) = 0;
  virtual void OnStrings(std::vector<std::string>& value) = 0;
  virtual void OnStringMap(StringMap& value) = 0;
  virtual void OnObject(FieldsFn fields, void* object) = 0;
  virtual void OnList(const ListRef& list) = 0;
  // Whether to visit an optional, which is filled with a default value if it has none.
  virtual bool WantsOptional(bool has_value) = 0;

  State state_;

 private:
  bool Enter(std::string_view name, Presence presence) {
    const std::size_t index = state_.index++;
    if (state_.walk == Walk::kNamed) {
      if (state_.found || name != state_.wanted) {
        return false;
      }
      state_.found = true;
      state_.seen |= std::uint64_t{1} << index;
    } else if (state_.walk == Walk::kMissing) {
      if (presence == Presence::kRequired && (state_.seen >> index & 1) == 0 &&
          state_.missing.empty()) {
        state_.missing = name;
      }
      return false;
    }
    state_.name = name;
    state_.presence = presence;
    return true;
  }

  template <class T>
  void Visit(T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      OnString(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      OnBool(value);
    } else if constexpr (std::integral<T>) {
      auto wide = static_cast<std::int64_t>(value);
      OnInt(wide, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
            static_cast<std::int64_t>(std::numeric_limits<T>::max()));
      value = static_cast<T>(wide);
    } else if constexpr (std::is_same_v<T, double>) {
      OnDouble(value);
    } else if constexpr (std::is_same_v<T, Ratio>) {
      OnRatio(value, false);
    } else if constexpr (std::is_same_v<T, Milliseconds>) {
      OnDuration(value);
    } else if constexpr (std::is_same_v<T, SystemTime>) {
      OnTime(value);
    } else if constexpr (std::is_enum_v<T>) {
      auto index = static_cast<std::size_t>(value);
      OnEnum(index, EnumNames<T>::kNames);
      value = static_cast<T>(index);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      OnStrings(value);
    } else if constexpr (std::is_same_v<T, StringMap>) {
      OnStringMap(value);
    } else {
      VisitGeneric(value);
    }
  }
  template <class T>
  void VisitGeneric(std::optional<T>& value) {
    if (!WantsOptional(value.has_value())) {
      return;
    }
    if (!value.has_value()) {
      value.emplace();
    }
    Visit(*value);
  }
  template <class T>
  void VisitGeneric(std::vector<T>& value) {
    OnList(ListRef{
        &value, [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
        [](void* list, std::size_t i) -> void* {
          return &(*static_cast<std::vector<T>*>(list))[i];
        },
        [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); },
        &FieldsOf<T>});
  }
  template <class T>
  void VisitGeneric(T& object) {
    OnObject(&FieldsOf<T>, &object);
  }
};

}  // namespace reliability::api
