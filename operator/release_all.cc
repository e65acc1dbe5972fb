#include "operator/release_all.h"

#include <cstdio>
#include <set>
#include <thread>
#include <utility>

#include "libs/api/decode.h"
#include "libs/api/names.h"
#include "libs/http/cpprest_transport.h"
#include "libs/kube/client/credentials.h"
#include "libs/kube/core/list_page.h"
#include "operator/app.h"

namespace reliability::op {
namespace {

constexpr Milliseconds kPoll{500};

std::string Describe(const api::AgentEnforcement& object) {
  std::string text =
      api::WorkloadKey(object.metadata.namespace_, object.spec.target_ref) + ": " +
      std::string(api::EnumNames<api::EnforcementMode>::kNames[static_cast<std::size_t>(
          object.status.mode.value_or(api::EnforcementMode::kNormal))]);
  if (!object.status.cause.empty()) {
    text += " by " + object.status.cause;
  }
  if (object.status.ledger.has_value() && object.status.ledger->original_replicas.has_value()) {
    text += ", " + std::to_string(*object.status.ledger->original_replicas) + " replicas saved";
  }
  return text;
}

bool IsHeld(const api::AgentEnforcement& object) {
  return !object.metadata.finalizers.empty() ||
         object.status.mode.value_or(api::EnforcementMode::kNormal) !=
             api::EnforcementMode::kNormal;
}

int Fault(const Error& error) {
  std::fprintf(stderr, "agent-reliability-operator: %s\n", ToString(error).c_str());
  return 2;
}

}  // namespace

Result<std::vector<HeldWorkload>> ListHeld(kube::ApiClient& client) {
  std::vector<HeldWorkload> held;
  kube::ListOptions page;
  page.limit = 500;
  do {
    RELIABILITY_ASSIGN_OR_RETURN(std::string body,
                                 client.List(kube::resources::kAgentEnforcements, "", page));
    RELIABILITY_ASSIGN_OR_RETURN(
        const kube::ListPage read, kube::DecodeListPage(body, [&held](std::string_view raw) {
          const auto object = api::Decode<api::AgentEnforcement>(raw);
          if (object.has_value() && IsHeld(*object)) {
            held.push_back({object->metadata.namespace_, object->metadata.name,
                            object->metadata.uid, Describe(*object)});
          }
        }));
    page.continue_token = read.continue_token;
  } while (!page.continue_token.empty());
  return held;
}

Result<std::vector<HeldWorkload>> ReleaseHeld(kube::ApiClient& client, Clock& clock,
                                              Milliseconds timeout) {
  const MonotonicTime end = clock.MonotonicNow() + timeout;
  std::set<std::string> asked;  // UIDs
  for (;;) {
    auto held = ListHeld(client);
    if (held.has_value()) {
      if (held->empty()) {
        return held;
      }
      for (const HeldWorkload& one : *held) {
        if (!asked.insert(one.uid).second) {
          continue;
        }
        std::printf("releasing %s\n", one.text.c_str());
        kube::DeleteOptions only_this;
        only_this.uid = one.uid;
        const auto deleted =
            client.Delete({kube::resources::kAgentEnforcements, one.ns, one.name}, only_this);
        if (!deleted.has_value() && deleted.error().code != Code::kNotFound) {
          std::fprintf(stderr, "%s: %s\n", one.text.c_str(), ToString(deleted.error()).c_str());
          asked.erase(one.uid);
        }
      }
    }
    if (clock.MonotonicNow() >= end) {
      return held;
    }
    clock.WaitFor(kPoll, {});
  }
}

int ReleaseAll(const Options& options, Clock& clock) {
  const auto credentials =
      kube::LoadCredentials(clock, kube::ProcessEnvironment(), options.kubeconfig);
  if (!credentials.has_value()) {
    return Fault(credentials.error());
  }
  const auto transport = http::MakeCpprestTransport(
      {.tls = [&credentials] { return (*credentials)->Tls(); }, .max_hosts = 8});
  const auto client = kube::MakeApiClient(*transport, **credentials, clock);
  const auto held = ListHeld(*client);
  if (!held.has_value()) {
    return Fault(held.error());
  }
  if (held->empty()) {
    std::puts("nothing is held");
    return 0;
  }
  App app(options, clock, Serve::kNothing);
  if (const Status started = app.Start(); !started.has_value()) {
    return Fault(started.error());
  }
  std::jthread running([&app] { (void)app.Run(); });
  const auto left = ReleaseHeld(*client, clock, options.timeout);
  app.RequestStop();
  running.join();
  app.Stop();
  if (!left.has_value()) {
    return Fault(left.error());
  }
  for (const HeldWorkload& one : *left) {
    std::fprintf(stderr, "still held after %lld s: %s\n",
                 static_cast<long long>(options.timeout.count() / 1000), one.text.c_str());
  }
  std::printf("%zu of %zu workloads given back\n",
              held->size() - std::min(held->size(), left->size()), held->size());
  return left->empty() ? 0 : 1;
}

}  // namespace reliability::op
