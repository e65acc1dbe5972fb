#pragma once
// Which JSON fields a type reads and writes, taken from the same Fields() functions that the
// decoder uses. For tests and documentation, not for the hot path.
#include <string>
#include <vector>

#include "libs/api/field_visitor.h"

namespace reliability::api {

struct FieldInfo {
  std::string path;  // "spec.rules[].when.for"; a list of strings ends in "[]"
  std::string type;  // of the JSON value: string, integer, boolean, map
  bool required = false;
  std::vector<std::string> enum_names;  // empty if any text is allowed
  // What the decoder leaves there if the field is absent, as JSON text; empty: nothing at all.
  std::string default_value;
};

// Leaves only, in the order of Fields().
[[nodiscard]] std::vector<FieldInfo> ListFields(FieldsFn fields, void* default_object);

template <class T>
[[nodiscard]] std::vector<FieldInfo> ListFields() {
  T object;
  return ListFields(&FieldsOf<T>, &object);
}

}  // namespace reliability::api
