#include "libs/kube/core/request_builder.h"

#include <gtest/gtest.h>

#include <vector>

namespace reliability::kube {
namespace {

struct Case {
  const char* name;
  ApiRequest got;
  std::string method;
  std::string target;
  std::string content_type;
  std::string body;
};

const ObjectRef kPod{resources::kPods, "default", "web-0"};
const ObjectRef kSlo{resources::kAgentSlos, "shop", "tasks"};
const ObjectRef kHook{resources::kMutatingWebhooks, "", "inject"};

WriteOptions Owned(Subresource subresource = Subresource::kNone) {
  return WriteOptions{subresource, "agent-reliability-policy", false, false};
}

TEST(RequestBuilder, Table) {
  const std::string own = "/apis/agentreliability.dev/v1alpha1/namespaces/shop/agentslos";
  ListOptions page;
  page.label_selector = "app in (a,b)";
  page.field_selector = "spec.nodeName=n1";
  page.limit = 500;
  page.continue_token = "a+b/c=";
  page.resource_version = "7";
  ListOptions cached;
  cached.resource_version = "0";
  WatchOptions watch;
  watch.resource_version = "42";
  watch.timeout = Milliseconds{300'500};
  watch.label_selector = "a=b";
  WatchOptions plain;
  plain.bookmarks = false;
  plain.timeout = Milliseconds{10};
  WriteOptions dry = Owned();
  dry.dry_run = true;
  WriteOptions force = Owned(Subresource::kStatus);
  force.force = true;
  const std::vector<Case> cases{
      {"get", BuildGet(kPod), "GET", "/api/v1/namespaces/default/pods/web-0", "", ""},
      {"get scale", BuildGet({resources::kDeployments, "shop", "agent"}, Subresource::kScale),
       "GET", "/apis/apps/v1/namespaces/shop/deployments/agent/scale", "", ""},
      {"get cluster-scoped", BuildGet(kHook), "GET",
       "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/inject", "", ""},
      {"names are encoded", BuildGet({resources::kPods, "a b", "x/../y?z"}), "GET",
       "/api/v1/namespaces/a%20b/pods/x%2F..%2Fy%3Fz", "", ""},
      {"list all namespaces", BuildList(resources::kPods, "", {}), "GET", "/api/v1/pods", "", ""},
      {"list page", BuildList(resources::kPods, "default", page), "GET",
       "/api/v1/namespaces/default/pods?labelSelector=app%20in%20%28a%2Cb%29"
       "&fieldSelector=spec.nodeName%3Dn1&limit=500&continue=a%2Bb%2Fc%3D",
       "", ""},
      {"list from cache", BuildList(resources::kAgentSlos, "shop", cached), "GET",
       own + "?resourceVersion=0", "", ""},
      {"watch", BuildWatch(resources::kAgentSlos, "shop", watch), "GET",
       own + "?watch=true&allowWatchBookmarks=true&labelSelector=a%3Db&resourceVersion=42"
             "&timeoutSeconds=300",
       "", ""},
      {"watch without bookmarks", BuildWatch(resources::kNamespaces, "ignored", plain), "GET",
       "/api/v1/namespaces?watch=true&timeoutSeconds=1", "", ""},
      {"create", BuildCreate(resources::kAgentSlos, "shop", "{}", Owned()), "POST",
       own + "?fieldManager=agent-reliability-policy", "application/json", "{}"},
      {"replace", BuildReplace(kSlo, "{}"), "PUT", own + "/tasks", "application/json", "{}"},
      {"replace status", BuildReplace(kSlo, "{}", Owned(Subresource::kStatus)), "PUT",
       own + "/tasks/status?fieldManager=agent-reliability-policy", "application/json", "{}"},
      {"delete", BuildDelete(kPod), "DELETE", "/api/v1/namespaces/default/pods/web-0", "", ""},
      {"delete one incarnation", BuildDelete(kPod, {"u-1", "9", "Background"}), "DELETE",
       "/api/v1/namespaces/default/pods/web-0", "application/json",
       R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background",)"
       R"("preconditions":{"uid":"u-1","resourceVersion":"9"}})"},
      {"delete one version", BuildDelete(kPod, {"", "9", ""}), "DELETE",
       "/api/v1/namespaces/default/pods/web-0", "application/json",
       R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"9"}})"},
      {"merge patch", BuildMergePatch(kPod, "{}", dry), "PATCH",
       "/api/v1/namespaces/default/pods/web-0?fieldManager=agent-reliability-policy&dryRun=All",
       "application/merge-patch+json", "{}"},
      {"json patch", BuildJsonPatch(kPod, "[]"), "PATCH", "/api/v1/namespaces/default/pods/web-0",
       "application/json-patch+json", "[]"},
      {"apply", BuildApply(kSlo, "{}", Owned()), "PATCH",
       own + "/tasks?fieldManager=agent-reliability-policy", "application/apply-patch+yaml", "{}"},
      {"apply status with force", BuildApply(kSlo, "{}", force), "PATCH",
       own + "/tasks/status?fieldManager=agent-reliability-policy&force=true",
       "application/apply-patch+yaml", "{}"},
      {"scale", BuildScale({resources::kDeployments, "shop", "agent"}, 3), "PATCH",
       "/apis/apps/v1/namespaces/shop/deployments/agent/scale", "application/merge-patch+json",
       R"({"spec":{"replicas":3}})"},
      {"scale if unchanged",
       BuildScale({resources::kStatefulSets, "shop", "agent"}, 0, "77", Owned()), "PATCH",
       "/apis/apps/v1/namespaces/shop/statefulsets/agent/scale"
       "?fieldManager=agent-reliability-policy",
       "application/merge-patch+json",
       R"({"metadata":{"resourceVersion":"77"},"spec":{"replicas":0}})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(c.got.method, c.method);
    EXPECT_EQ(c.got.target, c.target);
    EXPECT_EQ(c.got.content_type, c.content_type);
    EXPECT_EQ(c.got.body, c.body);
  }
}

}  // namespace
}  // namespace reliability::kube
