#include "libs/kube/core/object_peek.h"

#include <simdjson.h>

namespace reliability::kube {
namespace {

using simdjson::ondemand::field;
using simdjson::ondemand::object;

bool ReadText(field& from, std::string& out) {
  std::string_view text;
  if (from.value().get_string().get(text) != simdjson::SUCCESS) {
    return false;
  }
  out = text;
  return true;
}

// Reads the members we know; false if one has the wrong type.
bool ReadMetadata(object metadata, ObjectPeek& out) {
  for (auto member : metadata) {
    field item;
    if (std::move(member).get(item) != simdjson::SUCCESS) {
      return false;
    }
    const simdjson::ondemand::raw_json_string key = item.key();
    bool good = true;
    if (key == "name") {
      good = ReadText(item, out.name);
    } else if (key == "namespace") {
      good = ReadText(item, out.ns);
    } else if (key == "uid") {
      good = ReadText(item, out.uid);
    } else if (key == "resourceVersion") {
      good = ReadText(item, out.resource_version);
    } else if (key == "generation") {
      good = item.value().get_int64().get(out.generation) == simdjson::SUCCESS;
    } else if (key == "deletionTimestamp") {
      out.deleting = true;
    }
    if (!good) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<ObjectPeek> PeekObject(std::string_view raw_json, bool padded) {
  std::string copy;
  if (!padded) {
    copy.reserve(raw_json.size() + simdjson::SIMDJSON_PADDING);
    copy.assign(raw_json);
    raw_json = copy;
  }
  thread_local simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  ObjectPeek out;
  object metadata;
  const simdjson::padded_string_view text(raw_json.data(), raw_json.size(),
                                          raw_json.size() + simdjson::SIMDJSON_PADDING);
  if (parser.iterate(text).get(document) != simdjson::SUCCESS ||
      document["metadata"].get_object().get(metadata) != simdjson::SUCCESS ||
      !ReadMetadata(metadata, out)) {
    return Fail(Code::kInvalid, "not a Kubernetes object: no readable metadata");
  }
  return out;
}

}  // namespace reliability::kube
