#pragma once
// Gives the draws that a test lists, then repeats the last one.
#include <utility>
#include <vector>

#include "libs/base/rng.h"

namespace reliability::fakes {

class FakeRng final : public Rng {
 public:
  explicit FakeRng(std::vector<double> draws) : draws_(std::move(draws)) {}
  double Uniform() override {
    const double value = draws_[index_];
    if (index_ + 1 < draws_.size()) {
      ++index_;
    }
    return value;
  }
  std::uint64_t Next() override { return static_cast<std::uint64_t>(Uniform() * 0x1.0p63); }

 private:
  std::vector<double> draws_;
  std::size_t index_ = 0;
};

}  // namespace reliability::fakes
