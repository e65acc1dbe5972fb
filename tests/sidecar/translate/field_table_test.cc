// Every row of golden/fields/*.json is true: what it calls mapped changes what is sent, what it
// calls dropped does not, and what it calls untranslatable is refused under its name. The page
// docs/llm-translation.md is made from the same rows.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/translate/answer.h"
#include "sidecar/translate/request.h"
#include "tests/sidecar/translate/golden.h"

namespace reliability::sidecar::translate {
namespace {

using nlohmann::json;

Format FormatNamed(const std::string& name) {
  for (const Format format : {Format::kChat, Format::kResponses, Format::kMessages}) {
    if (FormatName(format) == name) {
      return format;
    }
  }
  ADD_FAILURE() << name;
  return Format::kChat;
}

// Models that accept everything; what newer ones refuse has tests of its own.
Target TierOf(const std::string& target) {
  const Format format = FormatNamed(target);
  return TargetOf(format, format == Format::kChat ? "gpt-4o" : "claude-opus-4-5");
}

json Patched(json base, const json& row, bool set) {
  if (row.contains("given")) {
    base.merge_patch(row["given"]);
  }
  if (set) {
    base.merge_patch(row["set"]);
  }
  return base;
}

Result<std::string> Translated(const std::string& page, const std::string& target,
                               const json& body) {
  const std::size_t end = page.find('_');
  const Format from = FormatNamed(page.substr(0, end));
  if (page.substr(end + 1) == "request") {
    return TranslateRequest(from, body.dump(), TierOf(target));
  }
  const auto answer = ReadAnswer(from, body.dump(), {.model = "tier", .created = 7});
  if (!answer) {
    return tl::unexpected<Error>(answer.error());
  }
  return WriteAnswer(*answer, {.format = FormatNamed(target)});
}

void Check(const std::string& page, const json& base, const json& row, const std::string& target) {
  const std::string fate = row.at(target);
  const auto before = Translated(page, target, Patched(base, row, false));
  const auto after = Translated(page, target, Patched(base, row, true));
  ASSERT_TRUE(before.has_value()) << ToString(before.error());
  if (fate == "untranslatable") {
    ASSERT_FALSE(after.has_value()) << *after;
    EXPECT_EQ(after.error().code, Code::kUnsupported) << after.error().message;
    const std::string name = row.value("names", row["field"].get<std::string>());
    EXPECT_TRUE(after.error().message.starts_with(name)) << after.error().message;
    return;
  }
  ASSERT_TRUE(after.has_value()) << ToString(after.error());
  EXPECT_TRUE(json::accept(*after)) << *after;
  EXPECT_EQ(*before != *after, fate == "mapped") << *after;
  EXPECT_TRUE(fate == "mapped" || fate == "dropped" || fate == "replaced") << fate;
}

TEST(FieldTable, EveryRowIsTrue) {
  int rows = 0;
  for (const std::string& page : golden::Names("fields", ".json")) {
    const json table = json::parse(golden::Read(golden::Folder() / "fields" / (page + ".json")));
    for (const json& row : table.at("rows")) {
      for (const json& target : table.at("targets")) {
        SCOPED_TRACE(page + " " + row.at("field").get<std::string>() + " -> " +
                     target.get<std::string>());
        Check(page, table.at("base"), row, target);
        ++rows;
      }
    }
  }
  EXPECT_GT(rows, 300);
}

}  // namespace
}  // namespace reliability::sidecar::translate
