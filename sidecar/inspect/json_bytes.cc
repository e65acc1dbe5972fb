#include "sidecar/inspect/json_bytes.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace reliability::sidecar::inspect {

namespace portable {

const char* FindStringEnd(const char* at, const char* end) {
  for (; at < end; at += kBlock) {
    if (const std::uint32_t found = StringEnds(at); found != 0) {
      return at + std::countr_zero(found);
    }
  }
  return at;
}

bool IsAscii(std::string_view text) {
  std::uint64_t any = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; static_cast<std::size_t>(end - at) >= kWord; at += kWord) {
    any |= Load(at);
  }
  for (; at != end; ++at) {
    any |= static_cast<unsigned char>(*at);
  }
  return (any & kHigh) == 0;
}

}  // namespace portable

#ifdef __SSE2__

namespace sse2 {

const char* FindStringEnd(const char* at, const char* end) {
  for (; at < end; at += 2 * kBlock) {
    const __m128i one = StringEndsOf(Load(at));
    const __m128i two = StringEndsOf(Load(at + kBlock));
    if (Bits(_mm_or_si128(one, two)) != 0) {
      return at + std::countr_zero(Bits(one) | Bits(two) << kBlock);
    }
  }
  return at;
}

bool IsAscii(std::string_view text) {
  constexpr std::size_t kStep = 4 * kBlock;
  if (text.size() < kStep) {
    return portable::IsAscii(text);
  }
  const char* at = text.data();
  const char* const last = at + text.size() - kStep;  // some bytes twice
  __m128i any = _mm_setzero_si128();
  const auto take = [&any](const char* from) {
    any = _mm_or_si128(
        any, _mm_or_si128(_mm_or_si128(Load(from), Load(from + kBlock)),
                          _mm_or_si128(Load(from + 2 * kBlock), Load(from + 3 * kBlock))));
  };
  for (; at < last; at += kStep) {
    take(at);
  }
  take(last);
  return Bits(any) == 0;
}

}  // namespace sse2

// As sse2, twice as wide. The functions are compiled for a processor that has it, so nothing of
// them may be shared with the rest.
namespace avx2 {

#define RELIABILITY_AVX2 __attribute__((target("avx2")))

bool IsThere() { return __builtin_cpu_supports("avx2") != 0; }

namespace {

constexpr std::size_t kHalf = 2 * kBlock;

RELIABILITY_AVX2 inline __m256i Load(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

RELIABILITY_AVX2 inline __m256i StringEndsOf(__m256i bytes) {
  const __m256i turned = _mm256_xor_si256(bytes, _mm256_set1_epi8(kFirstPrintable ^ '"'));
  const __m256i low =
      _mm256_cmpeq_epi8(_mm256_min_epu8(turned, _mm256_set1_epi8(kFirstPrintable)), turned);
  return _mm256_or_si256(low, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
}

RELIABILITY_AVX2 inline std::uint32_t Bits(__m256i bytes) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
}

}  // namespace

RELIABILITY_AVX2 const char* FindStringEnd(const char* at, const char* end) {
  for (; at < end; at += 2 * kHalf) {
    const __m256i one = StringEndsOf(Load(at));
    const __m256i two = StringEndsOf(Load(at + kHalf));
    if (Bits(_mm256_or_si256(one, two)) != 0) {
      return at + std::countr_zero(Bits(one) | std::uint64_t{Bits(two)} << kHalf);
    }
  }
  return at;
}

RELIABILITY_AVX2 bool IsAscii(std::string_view text) {
  constexpr std::size_t kStep = 2 * kHalf;
  if (text.size() < kStep) {
    return portable::IsAscii(text);
  }
  const char* at = text.data();
  const char* const last = at + text.size() - kStep;  // some bytes twice
  __m256i any = _mm256_or_si256(Load(last), Load(last + kHalf));
  for (; at < last; at += kStep) {
    any = _mm256_or_si256(any, _mm256_or_si256(Load(at), Load(at + kHalf)));
  }
  return Bits(any) == 0;
}

#undef RELIABILITY_AVX2

}  // namespace avx2

namespace {

// False until it is initialised, which is right, too.
const bool kAvx2 = avx2::IsThere();

}  // namespace

const char* FindStringEnd(const char* at, const char* end) {
  return kAvx2 ? avx2::FindStringEnd(at, end) : sse2::FindStringEnd(at, end);
}

bool IsAscii(std::string_view text) { return kAvx2 ? avx2::IsAscii(text) : sse2::IsAscii(text); }

#else

const char* FindStringEnd(const char* at, const char* end) {
  return portable::FindStringEnd(at, end);
}

bool IsAscii(std::string_view text) { return portable::IsAscii(text); }

#endif

}  // namespace reliability::sidecar::inspect
