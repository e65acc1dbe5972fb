#pragma once
// One page of a list -> raw items, without copying them; no I/O.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::kube {

struct ListPage {
  std::string resource_version;
  std::string continue_token;  // empty on the last page
  std::size_t items = 0;
};

// A raw item, followed by at least 64 readable bytes; valid during the callback only.
using ItemCallback = std::function<void(std::string_view raw_json)>;

// Calls back for each element of `items`. `body` may get more capacity, its text stays.
// kInvalid: not a list.
[[nodiscard]] Result<ListPage> DecodeListPage(std::string& body, const ItemCallback& on_item);

}  // namespace reliability::kube
