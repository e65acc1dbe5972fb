#pragma once
// JSON bytes of one Kubernetes object -> a typed value.
//
//   const Result<AgentSlo> slo = Decode<AgentSlo>(json);
//
// Reads only the fields that the type has; managedFields, unknown fields and
// kubectl's last-applied-configuration are not kept. Absent or null fields keep the member's
// default, which equals the schema's default. Bounds and cross-field rules are not checked again:
// the API server did at admission.
// Errors: kInvalid, and the message begins with the field path ("spec.turn.timeout: ...").
// Thread-safe; keeps one parser per thread.
#include <string_view>

#include "libs/api/field_visitor.h"
#include "libs/base/result.h"

namespace reliability::api {

[[nodiscard]] Status DecodeFields(std::string_view json, FieldsFn fields, void* object);

template <class T>
[[nodiscard]] Result<T> Decode(std::string_view json) {
  T object;
  RELIABILITY_TRY(DecodeFields(json, &FieldsOf<T>, &object));
  return object;
}

// Decode as a functor, for templates that store objects and know nothing of this library.
template <class T>
struct Decoder {
  [[nodiscard]] Result<T> operator()(std::string_view json) const { return Decode<T>(json); }
};

}  // namespace reliability::api
