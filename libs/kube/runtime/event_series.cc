#include "libs/kube/runtime/event_series.h"

#include <algorithm>
#include <utility>

#include "libs/base/duration.h"
#include "libs/base/strings.h"

namespace reliability::kube {
namespace {

// Limits of the API (pkg/apis/core/validation/events.go).
constexpr std::size_t kMaxNote = 1024;
constexpr std::size_t kMaxReason = 128;

// Cuts at a byte limit without cutting a UTF-8 sequence.
std::string_view Cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) {
    return text;
  }
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

void AddText(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') {
    out += ',';
  }
  out += JsonString(name) + ":" + JsonString(value);
}

std::string EncodeTarget(const EventTarget& target) {
  std::string out = "{";
  AddText(out, "apiVersion", target.api_version);
  AddText(out, "kind", target.kind);
  if (!target.ns.empty()) {
    AddText(out, "namespace", target.ns);
  }
  AddText(out, "name", target.name);
  if (!target.uid.empty()) {
    AddText(out, "uid", target.uid);
  }
  return out + "}";
}

std::string EncodeSeries(int count, SystemTime last) {
  return "{\"count\":" + std::to_string(count) + ",\"lastObservedTime\":\"" +
         FormatRfc3339Micro(last) + "\"}";
}

}  // namespace

EventSeries* EventSeriesTable::Repeat(const Event& event, MonotonicTime now,
                                      SystemTime system_now) {
  if (event.distinct) {
    return nullptr;
  }
  const auto it = series_.find(KeyOf(event));
  if (it == series_.end() || (!it->second.pending && now - it->second.written >= interval_)) {
    return nullptr;
  }
  EventSeries& series = it->second;
  ++series.count;
  series.pending = true;
  series.event = event;
  series.last = system_now;
  return &series;
}

void EventSeriesTable::Begin(const Event& event, std::string name, MonotonicTime now,
                             SystemTime system_now) {
  const std::string key = KeyOf(event);
  if (!series_.contains(key) && series_.size() >= max_series_) {
    EvictOldest();
  }
  EventSeries& series = series_[key];
  series = EventSeries{event, std::move(name), event.note, 1, false, now, system_now, system_now};
}

std::vector<EventSeries> EventSeriesTable::TakeDue(MonotonicTime now) {
  std::vector<EventSeries> due;
  for (auto it = series_.begin(); it != series_.end();) {
    if (now - it->second.written < interval_) {
      ++it;
      continue;
    }
    if (it->second.pending) {
      due.push_back(std::move(it->second));
    }
    it = series_.erase(it);
  }
  return due;
}

std::vector<EventSeries> EventSeriesTable::TakePending() {
  std::vector<EventSeries> pending;
  for (auto& [key, series] : series_) {
    if (series.pending) {
      pending.push_back(std::move(series));
    }
  }
  series_.clear();
  return pending;
}

void EventSeriesTable::Put(EventSeries series, MonotonicTime now) {
  series.pending = false;
  series.written = now;
  std::string key = KeyOf(series.event);
  series_.insert_or_assign(std::move(key), std::move(series));
}

std::optional<Milliseconds> EventSeriesTable::NextDue(MonotonicTime now) const {
  std::optional<Milliseconds> next;
  for (const auto& [key, series] : series_) {
    const Milliseconds left = std::max(Milliseconds{0}, series.written + interval_ - now);
    next = next.has_value() ? std::min(*next, left) : left;
  }
  return next;
}

std::string EventSeriesTable::KeyOf(const Event& event) {
  const EventTarget& target = event.regarding;
  std::string key;
  for (const std::string* part :
       {&target.kind, &target.ns, &target.name, &target.uid, &event.reason, &event.action}) {
    key += *part;
    key += '\n';
  }
  return key += event.type == EventType::kWarning ? 'W' : 'N';
}

void EventSeriesTable::EvictOldest() {
  const auto oldest = std::min_element(
      series_.begin(), series_.end(),
      [](const auto& a, const auto& b) { return a.second.written < b.second.written; });
  if (oldest != series_.end()) {
    series_.erase(oldest);
  }
}

std::string EncodeEvent(const Event& event, const std::string& name,
                        const EventRecorderOptions& options, SystemTime first, SystemTime last,
                        int series_count) {
  std::string out = R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{)";
  AddText(out, "name", name);
  AddText(out, "namespace", EventNamespace(event.regarding));
  out += '}';
  AddText(out, "eventTime", FormatRfc3339Micro(first));
  AddText(out, "reportingController", options.controller);
  AddText(out, "reportingInstance", Cut(options.instance, kMaxReason));
  AddText(out, "type", event.type == EventType::kWarning ? "Warning" : "Normal");
  AddText(out, "reason", Cut(event.reason, kMaxReason));
  AddText(out, "action", Cut(event.action, kMaxReason));
  AddText(out, "note", Cut(event.note, kMaxNote));
  out += ",\"regarding\":" + EncodeTarget(event.regarding);
  if (event.related.has_value()) {
    out += ",\"related\":" + EncodeTarget(*event.related);
  }
  if (series_count > 1) {
    out += ",\"series\":" + EncodeSeries(series_count, last);
  }
  return out + "}";
}

std::string EncodeSeriesPatch(int count, SystemTime last) {
  return "{\"series\":" + EncodeSeries(count, last) + "}";
}

std::string EventNamespace(const EventTarget& regarding) {
  return regarding.ns.empty() ? "default" : regarding.ns;
}

}  // namespace reliability::kube
