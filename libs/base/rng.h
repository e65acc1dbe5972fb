#pragma once
// Randomness is an argument, so that tests print and repeat their draws.
#include <cstdint>
#include <memory>

namespace reliability {

class Rng {
 public:
  virtual ~Rng() = default;
  // Uniform in [0, 1).
  [[nodiscard]] virtual double Uniform() = 0;
  [[nodiscard]] virtual std::uint64_t Next() = 0;
};

// Not thread-safe: one per thread. Seed 0 takes a random seed from the system.
[[nodiscard]] std::unique_ptr<Rng> MakeRng(std::uint64_t seed);

}  // namespace reliability
