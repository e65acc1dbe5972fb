#include "libs/policy/slo_window.h"

#include <algorithm>

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct RingShape {
  Milliseconds bucket;
  std::size_t size;
};
constexpr RingShape kShapes[] = {
    {seconds{10}, 360}, {minutes{1}, 360}, {minutes{10}, 432}, {hours{2}, 360}};

// floor(count * part / whole): shares of a spread delta that add up exactly, and keep bad <=
// events.
std::uint32_t Share(std::uint64_t count, std::int64_t part, std::int64_t whole) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint32_t>(static_cast<Wide>(count) * static_cast<Wide>(part) /
                                    static_cast<Wide>(whole));
}

}  // namespace

SloRing::SloRing(Milliseconds bucket, std::size_t size) : bucket_(bucket), cells_(size) {}

void SloRing::Advance(SystemTime now) {
  const std::int64_t head = now.time_since_epoch() / bucket_;
  const std::int64_t size = static_cast<std::int64_t>(cells_.size());
  for (std::int64_t i = std::max(head_ + 1, head - size + 1); i <= head; ++i) {
    At(i) = total_;
  }
  head_ = std::max(head_, head);
}

void SloRing::Record(EventCounts delta, SystemTime from, SystemTime now) {
  Advance(now);
  const std::int64_t begin = from.time_since_epoch().count();
  const std::int64_t whole = now.time_since_epoch().count() - begin;
  const std::int64_t size = static_cast<std::int64_t>(cells_.size());
  const std::int64_t first = std::max(begin / bucket_.count() + 1, head_ - size + 1);
  for (std::int64_t i = first; i <= head_; ++i) {
    const std::int64_t part = std::min(i * bucket_.count() - begin, whole);
    if (part <= 0 || whole == 0) {
      continue;
    }
    Cell& cell = At(i);
    cell.events += Share(delta.events, part, whole);
    cell.bad += Share(delta.bad, part, whole);
  }
  total_.events += static_cast<std::uint32_t>(delta.events);
  total_.bad += static_cast<std::uint32_t>(delta.bad);
}

EventCounts SloRing::Sum(std::size_t buckets) const {
  const Cell& start = At(head_ - static_cast<std::int64_t>(buckets) + 1);
  return {static_cast<std::uint32_t>(total_.events - start.events),
          static_cast<std::uint32_t>(total_.bad - start.bad)};
}

void SloRing::Save(ByteWriter& out) const {
  out.Uint(cells_.size());
  out.Int(head_);
  // Differences from bucket to bucket are small; the first value is relative to the total.
  const std::int64_t oldest = head_ - static_cast<std::int64_t>(cells_.size()) + 1;
  for (std::int64_t i = oldest; i <= head_; ++i) {
    const Cell& next = i == head_ ? total_ : At(i + 1);
    out.Uint(static_cast<std::uint32_t>(next.events - At(i).events));
    out.Uint(static_cast<std::uint32_t>(next.bad - At(i).bad));
  }
}

void SloRing::Load(ByteReader& in) {
  const bool same_shape = in.Count(2) == cells_.size();
  head_ = in.Int();
  const std::int64_t oldest = head_ - static_cast<std::int64_t>(cells_.size()) + 1;
  if (!same_shape || oldest < 0) {
    in.Fail();
    return;
  }
  // Only differences matter, so the oldest bucket restarts at zero.
  Cell running;
  for (std::int64_t i = oldest; i <= head_; ++i) {
    At(i) = running;
    running.events += static_cast<std::uint32_t>(in.Uint());
    running.bad += static_cast<std::uint32_t>(in.Uint());
  }
  total_ = running;
}

SloRings::SloRings(SloWindow window) {
  for (const RingShape& shape : kShapes) {
    rings_.emplace_back(shape.bucket, shape.size);
    if (rings_.back().span() >= Length(window)) {
      break;
    }
  }
}

void SloRings::Record(EventCounts delta, SystemTime from, SystemTime now) {
  latest_ = std::max(latest_, now);
  from = std::clamp(from, SystemTime{}, latest_);
  for (SloRing& ring : rings_) {
    ring.Record(delta, from, latest_);
  }
}

void SloRings::Advance(SystemTime now) {
  latest_ = std::max(latest_, now);
  for (SloRing& ring : rings_) {
    ring.Advance(latest_);
  }
}

EventCounts SloRings::Sum(Milliseconds window) const {
  for (const SloRing& ring : rings_) {
    if (ring.span() >= window) {
      return ring.Sum(static_cast<std::size_t>(std::max<std::int64_t>(1, window / ring.bucket())));
    }
  }
  return rings_.back().Sum(rings_.back().size());
}

EventCounts SloRings::Newest(std::uint64_t min_events, Milliseconds at_least) const {
  EventCounts sum;
  for (const SloRing& ring : rings_) {
    const auto fewest = static_cast<std::size_t>(
        std::max<std::int64_t>(1, (at_least + ring.bucket() - Milliseconds{1}) / ring.bucket()));
    for (std::size_t buckets = std::min(fewest, ring.size()); buckets <= ring.size(); ++buckets) {
      sum = ring.Sum(buckets);
      if (sum.events >= min_events) {
        return sum;
      }
    }
  }
  return sum;
}

void SloRings::Save(ByteWriter& out) const {
  out.Time(latest_);
  out.Uint(rings_.size());
  for (const SloRing& ring : rings_) {
    ring.Save(out);
  }
}

void SloRings::Load(ByteReader& in) {
  latest_ = in.Time();
  if (in.Uint() != rings_.size()) {
    in.Fail();
    return;
  }
  for (SloRing& ring : rings_) {
    ring.Load(in);
  }
}

}  // namespace reliability::policy
