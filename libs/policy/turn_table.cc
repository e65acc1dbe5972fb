#include "libs/policy/turn_table.h"

#include <utility>

#include "libs/base/hash.h"

namespace reliability::policy {

Turn& TurnTable::Add(std::string id, std::optional<std::uint64_t> prefix_hash) {
  Place place = free_;
  if (place == kNone) {
    place = static_cast<Place>(places_.size());
    places_.push_back(std::make_unique<Entry>());
  } else {
    free_ = places_[place]->younger;
  }
  Entry& entry = *places_[place];
  entry.older = youngest_;
  entry.younger = kNone;
  (youngest_ == kNone ? oldest_ : places_[youngest_]->younger) = place;
  youngest_ = place;
  ++size_;

  Turn& turn = entry.turn;
  turn.handle = next_++ * kMaxTurns + place;
  turn.id = std::move(id);
  turn.id_hash = Fnv1a(turn.id);
  turn.prefix_hash = prefix_hash;
  Insert(by_id_, turn.id_hash, &Entry::id, place);
  entry.has_prefix = prefix_hash.has_value();
  if (prefix_hash) {
    Insert(by_prefix_, *prefix_hash, &Entry::prefix, place);
  }
  return turn;
}

void TurnTable::Erase(Turn& turn) {
  const Place place = Where(turn);
  Entry& entry = *places_[place];
  Remove(by_id_, turn.id_hash, &Entry::id, place);
  ForgetPrefix(turn);
  (entry.older == kNone ? oldest_ : places_[entry.older]->younger) = entry.younger;
  (entry.younger == kNone ? youngest_ : places_[entry.younger]->older) = entry.older;
  turn = Turn{};
  entry.younger = free_;
  free_ = place;
  --size_;
}

void TurnTable::Clear() {
  places_.clear();
  by_id_.fill(kNone);
  by_prefix_.fill(kNone);
  size_ = 0;
  free_ = oldest_ = youngest_ = kNone;
}

Turn* TurnTable::FindNamed(std::string_view id) {
  return const_cast<Turn*>(std::as_const(*this).FindNamed(id));
}

const Turn* TurnTable::FindNamed(std::string_view id) const {
  const std::uint64_t hash = Fnv1a(id);
  for (Place at = by_id_[hash % kMaxTurns]; at != kNone; at = places_[at]->id.next) {
    const Turn& turn = places_[at]->turn;
    if (turn.id_hash == hash && turn.id == id) {
      return &turn;
    }
  }
  return nullptr;
}

void TurnTable::ForgetPrefix(Turn& turn) {
  if (std::exchange(places_[Where(turn)]->has_prefix, false)) {
    Remove(by_prefix_, *turn.prefix_hash, &Entry::prefix, Where(turn));
  }
}

void TurnTable::Insert(Index& index, std::uint64_t hash, Link Entry::* link, Place place) {
  Place& first = index[hash % kMaxTurns];
  if (first != kNone) {
    (*places_[first].*link).previous = place;
  }
  *places_[place].*link = {.next = first, .previous = kNone};
  first = place;
}

void TurnTable::Remove(Index& index, std::uint64_t hash, Link Entry::* link, Place place) {
  const Link gone = *places_[place].*link;
  (gone.previous == kNone ? index[hash % kMaxTurns] : (*places_[gone.previous].*link).next) =
      gone.next;
  if (gone.next != kNone) {
    (*places_[gone.next].*link).previous = gone.previous;
  }
}

}  // namespace reliability::policy
