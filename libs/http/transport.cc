#include "libs/http/transport.h"

#include "libs/base/strings.h"

namespace reliability::http {

std::string_view Response::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoreCase(header.name, name)) {
      return header.value;
    }
  }
  return {};
}

}  // namespace reliability::http
