#include "libs/net/hosts_file.h"

#include <fstream>

#include "libs/base/strings.h"

namespace reliability::net {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view NextWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

Addresses ReadHosts(const std::string& path, std::string_view host) {
  Addresses addresses;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    std::string_view line = std::string_view(text).substr(0, text.find('#'));
    const std::string_view address = NextWord(line);
    for (std::string_view name = NextWord(line); !name.empty(); name = NextWord(line)) {
      if (!EqualsIgnoreCase(name, host)) {
        continue;
      }
      boost::system::error_code wrong;
      const auto parsed = boost::asio::ip::make_address(std::string(address), wrong);
      if (!wrong) {
        addresses.push_back(parsed);
      }
      break;
    }
  }
  return addresses;
}

}  // namespace reliability::net
