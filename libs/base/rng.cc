#include "libs/base/rng.h"

#include <random>

namespace reliability {
namespace {

class MersenneRng final : public Rng {
 public:
  explicit MersenneRng(std::uint64_t seed) : engine_(seed) {}
  double Uniform() override {
    // 53 random bits, the precision of a double.
    return static_cast<double>(engine_() >> 11) * 0x1.0p-53;
  }
  std::uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

std::unique_ptr<Rng> MakeRng(std::uint64_t seed) {
  if (seed == 0) {
    std::random_device device;
    seed = (static_cast<std::uint64_t>(device()) << 32) | device();
  }
  return std::make_unique<MersenneRng>(seed);
}

}  // namespace reliability
