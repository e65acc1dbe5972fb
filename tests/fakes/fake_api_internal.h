#pragma once
// Parts that the two source files of the fake API server share.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/strings.h"
#include "tests/fakes/fake_api_server.h"

namespace reliability::fakes {

using nlohmann::json;

inline http::Response Answer(int status, const json& body) {
  http::Response response{status, {{"Content-Type", "application/json"}}, body.dump()};
  response.body.reserve(response.body.size() + 64);
  return response;
}

inline json StatusObject(int code, std::string_view reason, const std::string& message) {
  return {{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
          {"message", message}, {"reason", reason},   {"code", code}};
}

inline http::Response Failure(int code, std::string_view reason, const std::string& message) {
  return Answer(code, StatusObject(code, reason, message));
}

inline std::string CollectionOf(const kube::Resource& resource) {
  return std::string(resource.group) + "/" + std::string(resource.plural);
}

// "a=b", "a!=b", "a in (b,c)", "a", "!a", joined by commas; metadata.* for fields.
inline bool MatchesSelector(const std::string& selector, const json& object, bool fields) {
  std::vector<std::string> terms{""};
  int depth = 0;
  for (const char c : selector) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  const json labels = object["metadata"].value("labels", json::object());
  const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
    if (fields) {
      std::string path = "/" + name;
      std::replace(path.begin(), path.end(), '.', '/');
      const json::json_pointer pointer(path);
      return object.contains(pointer) && object[pointer].is_string()
                 ? std::optional<std::string>(object[pointer].get<std::string>())
                 : std::nullopt;
    }
    return labels.contains(name) ? std::optional<std::string>(labels[name].get<std::string>())
                                 : std::nullopt;
  };
  return std::all_of(terms.begin(), terms.end(), [&](const std::string& term) {
    if (const auto in = term.find(" in ("); in != std::string::npos) {
      const auto value = value_of(term.substr(0, in));
      const std::string set = term.substr(in + 5, term.size() - in - 6);
      const auto options = Split(set, ',');
      return value.has_value() &&
             std::find(options.begin(), options.end(), *value) != options.end();
    }
    if (const auto differs = term.find("!="); differs != std::string::npos) {
      return value_of(term.substr(0, differs)) != term.substr(differs + 2);
    }
    if (const auto equals = term.find('='); equals != std::string::npos) {
      const std::size_t value = term.find_first_not_of('=', equals);
      return value_of(term.substr(0, equals)) ==
             (value == std::string::npos ? "" : term.substr(value));
    }
    if (term.starts_with('!')) {
      return !value_of(term.substr(1)).has_value();
    }
    return term.empty() || value_of(term).has_value();
  });
}

struct FakeApiServer::Query {
  std::map<std::string, std::string> values;
  std::string Find(const std::string& name) const {
    const auto it = values.find(name);
    return it == values.end() ? "" : it->second;
  }
};

struct FakeApiServer::Path {
  std::string collection;
  std::string api_version;
  std::string plural;
  std::string ns;
  std::string name;
  std::string subresource;
  bool good = false;

  static Path Parse(const std::string& url, Query& query) {
    std::string target = url.substr(std::min(url.size(), url.find('/', 8)));
    if (const auto mark = target.find('?'); mark != std::string::npos) {
      for (const std::string_view pair : Split(std::string_view(target).substr(mark + 1), '&')) {
        const auto equals = pair.find('=');
        query.values[std::string(pair.substr(0, equals))] =
            equals == std::string_view::npos ? "" : PercentDecode(pair.substr(equals + 1));
      }
      target.resize(mark);
    }
    std::vector<std::string> parts;
    for (const std::string_view part : Split(std::string_view(target).substr(1), '/')) {
      parts.push_back(PercentDecode(part));
    }
    Path path;
    std::size_t at = 0;
    std::string group;
    if (parts.size() >= 3 && parts[0] == "api") {
      path.api_version = parts[1];
      at = 2;
    } else if (parts.size() >= 4 && parts[0] == "apis") {
      group = parts[1];
      path.api_version = group + "/" + parts[2];
      at = 3;
    } else {
      return path;
    }
    if (parts[at] == "namespaces" && parts.size() > at + 2) {
      path.ns = parts[at + 1];
      at += 2;
    }
    path.plural = parts[at];
    path.collection = group + "/" + path.plural;
    path.name = parts.size() > at + 1 ? parts[at + 1] : "";
    path.subresource = parts.size() > at + 2 ? parts[at + 2] : "";
    path.good = parts.size() <= at + 3;
    return path;
  }
  std::string Key() const { return kube::MakeKey(ns, name); }
  bool Covers(const json& object) const {
    return ns.empty() || object["metadata"].value("namespace", "") == ns;
  }
};

}  // namespace reliability::fakes
