#pragma once
// Broken invariants stop the process: going on would act on wrong state.
namespace reliability {

[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace reliability

#define RELIABILITY_CHECK(expr)                              \
  do {                                                       \
    if (!(expr)) {                                           \
      ::reliability::CheckFailed(__FILE__, __LINE__, #expr); \
    }                                                        \
  } while (false)
