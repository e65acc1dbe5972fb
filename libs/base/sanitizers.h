#pragma once
// RELIABILITY_ADDRESS_SANITIZED: built with AddressSanitizer. RELIABILITY_SANITIZED: with it or
// with ThreadSanitizer, which see into memory that is freed, and make processes several times as
// large. GCC says so by macros, clang by features.

#if defined(__SANITIZE_ADDRESS__)
#define RELIABILITY_ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RELIABILITY_ADDRESS_SANITIZED 1
#endif
#endif

#if defined(RELIABILITY_ADDRESS_SANITIZED) || defined(__SANITIZE_THREAD__)
#define RELIABILITY_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RELIABILITY_SANITIZED 1
#endif
#endif
