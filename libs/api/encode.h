#pragma once
// Typed values -> JSON, for what the operator writes: status, and the objects that it creates.
//
//   patch["status"] = ToJson(enforcement.status);
//
// Left out: optionals without a value, and strings, lists and objects that are empty and not
// required. Keys are sorted, so equal values give equal bytes. Cannot fail.
#include <nlohmann/json.hpp>

#include "libs/api/field_visitor.h"

namespace reliability::api {

// `object` is only read.
[[nodiscard]] nlohmann::json EncodeFields(FieldsFn fields, void* object);

template <class T>
[[nodiscard]] nlohmann::json ToJson(const T& object) {
  return EncodeFields(&FieldsOf<T>, const_cast<T*>(&object));
}

}  // namespace reliability::api
