#include "operator/webhook/review_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/base64.h"

namespace reliability::webhook {
namespace {

constexpr const char* kReview = R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
  "request":{"uid":"u1","resource":{"group":"","version":"v1","resource":"pods"},
  "operation":"CREATE","namespace":"support","dryRun":true,"object":{"spec":{}}}})";

TEST(DecodeReview, ReadsARequest) {
  const auto review = DecodeReview(kReview);
  ASSERT_TRUE(review.has_value());
  EXPECT_EQ(review->uid, "u1");
  EXPECT_EQ(review->resource, "pods");
  EXPECT_EQ(review->operation, "CREATE");
  EXPECT_EQ(review->ns, "support");
  EXPECT_TRUE(review->dry_run);
  EXPECT_TRUE(review->object.is_object());
}

TEST(DecodeReview, AcceptsTheNullObjectOfADelete) {
  const auto review = DecodeReview(R"({"apiVersion":"admission.k8s.io/v1",
    "kind":"AdmissionReview","request":{"uid":"u","operation":"DELETE","object":null}})");
  ASSERT_TRUE(review.has_value());
  EXPECT_TRUE(review->object.is_null());
}

TEST(DecodeReview, RefusesEverythingElse) {
  const std::string deep(100'000, '[');
  for (
      const std::string& text :
      {std::string(), std::string("{"), std::string("[]"), std::string("null"), deep,
       R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u"}})" +
           std::string(),
       std::string(R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"})"),
       std::string(R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":7})"),
       std::string(R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
                        "request":{"uid":5}})"),
       std::string(R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
                        "request":{"uid":"u","object":"text"}})")}) {
    const auto review = DecodeReview(text);
    ASSERT_FALSE(review.has_value()) << text.substr(0, 80);
    EXPECT_EQ(review.error().code, Code::kInvalid);
  }
}

TEST(EncodeReview, AllowsWithPatchAndWarnings) {
  ReviewAnswer answer;
  answer.patch = Json::parse(R"([{"op":"add","path":"/x","value":1}])");
  answer.warnings = {"careful", std::string(1000, 'w')};
  const Json review = Json::parse(EncodeReview("u1", answer));
  const Json& response = review["response"];
  EXPECT_EQ(review["apiVersion"], "admission.k8s.io/v1");
  EXPECT_EQ(response["uid"], "u1");
  EXPECT_EQ(response["allowed"], true);
  EXPECT_EQ(response["patchType"], "JSONPatch");
  EXPECT_EQ(Json::parse(*Base64Decode(response["patch"].get<std::string>())), answer.patch);
  EXPECT_EQ(response["warnings"][0], "careful");
  EXPECT_LE(response["warnings"][1].get<std::string>().size(), 256U);
}

TEST(EncodeReview, WithoutChangeThereIsNoPatch) {
  const Json review = Json::parse(EncodeReview("u1", {}));
  EXPECT_FALSE(review["response"].contains("patch"));
  EXPECT_FALSE(review["response"].contains("patchType"));
}

TEST(Depth, CountsNestingOutsideStrings) {
  EXPECT_EQ(Depth("7"), 0U);
  EXPECT_EQ(Depth(R"({"a":[1,{"b":2}]})"), 3U);
  EXPECT_EQ(Depth(R"({"a":"[[[[\"[["})"), 1U);
}

}  // namespace
}  // namespace reliability::webhook
