#include "libs/kube/core/list_page.h"

#include <simdjson.h>

namespace reliability::kube {
namespace {

using simdjson::SUCCESS;
using simdjson::ondemand::field;
using simdjson::ondemand::object;

bool ReadListMetadata(object metadata, ListPage& page) {
  for (auto member : metadata) {
    field item;
    if (std::move(member).get(item) != SUCCESS) {
      return false;
    }
    std::string* out = nullptr;
    if (item.key() == "resourceVersion") {
      out = &page.resource_version;
    } else if (item.key() == "continue") {
      out = &page.continue_token;
    }
    std::string_view text;
    if (out != nullptr) {
      if (item.value().get_string().get(text) != SUCCESS) {
        return false;
      }
      *out = text;
    }
  }
  return true;
}

// `null` stands for an empty list: Go encodes a nil slice so.
bool ReadItems(simdjson::ondemand::value value, ListPage& page, const ItemCallback& on_item) {
  simdjson::ondemand::json_type type{};  // without get() a broken token would throw
  if (value.type().get(type) != SUCCESS) {
    return false;
  }
  if (type == simdjson::ondemand::json_type::null) {
    return true;
  }
  simdjson::ondemand::array items;
  if (value.get_array().get(items) != SUCCESS) {
    return false;
  }
  for (auto element : items) {
    object item;
    std::string_view raw;
    if (std::move(element).get_object().get(item) != SUCCESS ||
        item.raw_json().get(raw) != SUCCESS) {
      return false;
    }
    on_item(raw);
    ++page.items;
  }
  return true;
}

}  // namespace

Result<ListPage> DecodeListPage(std::string& body, const ItemCallback& on_item) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  // Not kept: its index takes four times the page.
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  object list;
  if (parser.iterate(body).get(document) != SUCCESS || document.get_object().get(list) != SUCCESS) {
    return Fail(Code::kInvalid, "not a list: no JSON object");
  }
  ListPage page;
  bool has_metadata = false;
  bool has_items = false;
  for (auto member : list) {
    field item;
    if (std::move(member).get(item) != SUCCESS) {
      return Fail(Code::kInvalid, "not a list: broken JSON");
    }
    if (item.key() == "metadata") {
      object metadata;
      has_metadata =
          item.value().get_object().get(metadata) == SUCCESS && ReadListMetadata(metadata, page);
      if (!has_metadata) {
        return Fail(Code::kInvalid, "not a list: unreadable metadata");
      }
    } else if (item.key() == "items") {
      has_items = ReadItems(item.value(), page, on_item);
      if (!has_items) {
        return Fail(Code::kInvalid, "not a list: unreadable items");
      }
    }
  }
  if (!has_metadata || !has_items) {
    return Fail(Code::kInvalid, "not a list: metadata or items are missing");
  }
  return page;
}

}  // namespace reliability::kube
