#include "operator/app.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "libs/base/log.h"
#include "libs/http/cpprest_transport.h"
#include "libs/kube/client/credentials.h"
#include "libs/kube/runtime/event_recorder.h"
#include "libs/kube/runtime/leader_elector.h"
#include "libs/metrics/registry.h"
#include "libs/net/http_server.h"
#include "operator/caches.h"
#include "operator/endpoints.h"
#include "operator/leader.h"
#include "operator/runtime_metrics.h"
#include "operator/webhook/certificate_manager.h"
#include "operator/webhook/handler.h"
#include "operator/webhook/owner.h"

namespace reliability::op {
namespace {

namespace agent_policy = controllers::agent_policy;

// The webhook must answer within the API server's patience (5 s), with up to two look-ups.
constexpr Milliseconds kWebhookLookUp{1000};
constexpr int kWebhookThreads = 4;
// Longer than the API server keeps idle connections (90 s): if we closed first, a review sent at
// that moment would be lost, and its pod not injected.
constexpr Milliseconds kWebhookIdle{150'000};
// After a stop request the webhook goes on until every node has taken the endpoint out.
constexpr Milliseconds kWebhookDrain{3000};
constexpr std::size_t kWebhookConnections = 64;  // each may hold a review of 3 MiB

std::string HostName() {
  const auto name = kube::ProcessEnvironment()("HOSTNAME");
  return name.value_or("agent-reliability-operator");
}

std::unique_ptr<kube::ApiClient> ClientWithin(Milliseconds deadline, http::Transport& transport,
                                              const kube::Credentials& credentials, Clock& clock) {
  kube::ApiClientOptions options;
  options.deadline = deadline;
  options.list_deadline = deadline;
  return kube::MakeApiClient(transport, credentials, clock, options);
}

net::HttpServerOptions ServerOptions(const net::ListenAddress& address) {
  net::HttpServerOptions options;
  options.host = address.host;
  options.port = address.port;
  return options;
}

}  // namespace

// What needs the credentials. Members in the order in which they are made; destroyed in reverse.
struct Parts {
  Parts(const Options& options, Clock& clock, std::unique_ptr<kube::Credentials> creds,
        metrics::Registry& registry, kube::LeaderCallbacks callbacks,
        std::function<void(const std::string&)> on_step_down)
      : credentials(std::move(creds)),
        ns(options.ns.empty() ? credentials->default_namespace() : options.ns),
        transport(http::MakeCpprestTransport(
            {.tls = [this] { return credentials->Tls(); }, .max_hosts = 64})),
        scrape_transport(http::MakeCpprestTransport({.tls = nullptr})),
        client(kube::MakeApiClient(*transport, *credentials, clock)),
        // Own rate limits: neither pod creations nor a burst of writes may starve the others.
        webhook_client(ClientWithin(kWebhookLookUp, *transport, *credentials, clock)),
        lease_client(ClientWithin(Milliseconds{5000}, *transport, *credentials, clock)),
        events(*client, clock, EventOptions()),
        reflectors(*client, clock, stores),
        caches(stores.policies, stores.slos, stores.chains, stores.deployments,
               stores.stateful_sets, stores.pods),
        leader({stores, caches, *scrape_transport, *client, events, registry, clock, ns,
                std::move(on_step_down)}),
        owners(caches, *webhook_client, clock),
        handler(owners, events, registry, clock,
                {options.sidecar_image, options.sidecar_image_pull_policy}),
        certificates(*client, clock, tls, registry, CertificatesOf(options, ns)),
        elector(*lease_client, clock, ElectionOf(options, ns), std::move(callbacks)) {
    ExportRuntime(registry, leader.queues(), events);
    reflectors.Export(registry);
  }

  static kube::EventRecorderOptions EventOptions() {
    kube::EventRecorderOptions options;
    options.instance = HostName();
    return options;
  }
  static webhook::CertificateOptions CertificatesOf(const Options& options, const std::string& ns) {
    webhook::CertificateOptions out;
    out.ns = ns;
    out.secret = options.webhook_secret_name;
    out.service = options.webhook_service_name;
    out.mutating_webhook = options.mutating_webhook_name;
    out.validating_webhook = options.validating_webhook_name;
    return out;
  }
  static kube::LeaderElectorOptions ElectionOf(const Options& options, const std::string& ns) {
    kube::LeaderElectorOptions out;
    out.ns = ns;
    out.name = options.leader_elect_lease_name;
    out.identity = HostName();
    return out;
  }

  std::unique_ptr<kube::Credentials> credentials;
  const std::string ns;
  std::unique_ptr<http::Transport> transport;
  std::unique_ptr<http::Transport> scrape_transport;
  std::unique_ptr<kube::ApiClient> client;
  std::unique_ptr<kube::ApiClient> webhook_client;
  std::unique_ptr<kube::ApiClient> lease_client;
  kube::EventRecorder events;
  Stores stores;
  Reflectors reflectors;
  agent_policy::Caches caches;
  LeaderControllers leader;
  net::ServerTls tls;
  webhook::OwnerLookup owners;
  webhook::Handler handler;
  webhook::CertificateManager certificates;
  kube::LeaderElector elector;
};

struct App::Impl {
  Impl(Options app_options, Clock& app_clock, bool app_serves)
      : options(std::move(app_options)), clock(app_clock), serves(app_serves) {}

  [[nodiscard]] std::string WhyNotReady() const {
    if (stopping) {
      return "stopping";
    }
    if (!parts->tls.loaded()) {
      return "no certificate loaded yet";
    }
    if (!parts->certificates.Ready()) {
      return "the webhook configurations do not trust the certificate yet";
    }
    return parts->reflectors.Missing();
  }

  void Signal(bool Impl::* flag) {
    const std::lock_guard lock(mutex);
    this->*flag = true;
    changed.notify_all();
  }

  Status Listen(std::unique_ptr<net::HttpServer>& server, const char* flag,
                net::HttpServerOptions server_options, net::HttpHandler handler) {
    auto started = net::HttpServer::Start(std::move(server_options), std::move(handler));
    if (!started.has_value()) {
      return Fail(started.error().code,
                  std::string("flag ") + flag + ": " + started.error().message);
    }
    server = *std::move(started);
    return {};
  }

  Status OpenServers() {
    RELIABILITY_TRY(Listen(metrics_server, "--metrics-address",
                           ServerOptions(options.metrics_address), MetricsHandler(registry)));
    RELIABILITY_TRY(Listen(health_server, "--health-address", ServerOptions(options.health_address),
                           HealthHandler([this] { return WhyNotReady(); })));
    net::HttpServerOptions webhook = ServerOptions(options.webhook_address);
    webhook.tls = &parts->tls;
    webhook.body_limit_bytes = webhook::kMaxReviewBytes;
    webhook.threads = kWebhookThreads;
    webhook.idle_timeout = kWebhookIdle;
    webhook.max_connections = kWebhookConnections;
    RELIABILITY_TRY(
        Listen(webhook_server, "--webhook-address", std::move(webhook),
               [this](const net::HttpRequest& request) { return parts->handler.Handle(request); }));
    log::Info("started", {{"api_server", parts->credentials->server()},
                          {"namespace", parts->ns},
                          {"metrics_port", metrics_server->port()},
                          {"health_port", health_server->port()},
                          {"webhook_port", webhook_server->port()},
                          {"sidecar_image", options.sidecar_image}});
    return {};
  }

  const Options options;
  Clock& clock;
  const bool serves;
  metrics::Registry registry;
  std::unique_ptr<Parts> parts;
  std::unique_ptr<net::HttpServer> metrics_server;
  std::unique_ptr<net::HttpServer> health_server;
  std::unique_ptr<net::HttpServer> webhook_server;
  std::mutex mutex;  // guards the flags
  std::condition_variable changed;
  bool stop = false;
  bool elected = false;
  std::atomic<std::int64_t> epoch{0};  // of our leadership, set before `elected`
  bool lost = false;
  std::atomic<bool> stopping{false};
  bool stopped = false;  // main thread only
};

App::App(const Options& options, Clock& clock, Serve serve)
    : impl_(std::make_unique<Impl>(options, clock, serve == Serve::kEverything)) {}
App::~App() { Stop(); }

Status App::Start() {
  Impl& app = *impl_;
  RELIABILITY_ASSIGN_OR_RETURN(
      auto credentials,
      kube::LoadCredentials(app.clock, kube::ProcessEnvironment(), app.options.kubeconfig));
  const auto leading = app.registry.GetGauge("agent_reliability_leader", "1 on the leader.");
  kube::LeaderCallbacks callbacks;
  callbacks.on_started = [&app, leading](std::int64_t epoch) {
    leading.Set(1);
    log::Info("leader_started", {{"epoch", epoch}});
    app.epoch = epoch;
    app.Signal(&Impl::elected);
  };
  callbacks.on_lost = [&app, leading] {
    leading.Set(0);
    log::Error("leader_lost");
    app.Signal(&Impl::lost);
  };
  callbacks.on_new_leader = [](const std::string& holder) {
    log::Info("leader_seen", {{"holder", holder}});
  };
  app.parts = std::make_unique<Parts>(app.options, app.clock, std::move(credentials), app.registry,
                                      std::move(callbacks), [&app](const std::string& why) {
                                        log::Error("leader_stepping_down", {{"why", why}});
                                        app.Signal(&Impl::lost);
                                      });
  Parts& parts = *app.parts;
  if (app.serves) {
    RELIABILITY_TRY(app.OpenServers());
  }
  parts.events.Start();
  parts.reflectors.Start();
  if (app.serves) {
    parts.certificates.StartLoading();
  }
  parts.elector.Start();
  return {};
}

int App::Run() {
  Impl& app = *impl_;
  bool leading = false;
  for (;;) {
    {
      std::unique_lock lock(app.mutex);
      app.changed.wait(lock, [&] { return app.stop || app.lost || (app.elected && !leading); });
      if (app.stop || app.lost) {
        return app.lost ? 1 : 0;
      }
    }
    // Acting on half-filled caches would be wrong: a policy not listed yet looks deleted.
    if (!app.parts->reflectors.Synced()) {
      std::unique_lock lock(app.mutex);
      app.changed.wait_for(lock, Milliseconds{100}, [&] { return app.stop || app.lost; });
      continue;
    }
    leading = true;
    if (app.serves) {
      app.parts->certificates.StartKeeping();
    }
    app.parts->leader.Start(app.epoch);
  }
}

void App::Stop() {
  Impl& app = *impl_;
  if (app.parts == nullptr || std::exchange(app.stopped, true)) {
    return;
  }
  app.stopping = true;
  const MonotonicTime drained = app.clock.MonotonicNow() + kWebhookDrain;
  app.parts->leader.Stop();
  app.parts->certificates.Stop();
  app.parts->events.Stop();
  app.parts->elector.Stop();
  if (app.webhook_server != nullptr) {
    app.clock.WaitFor(std::max(Milliseconds{0}, drained - app.clock.MonotonicNow()), {});
  }
  app.webhook_server.reset();
  app.parts->reflectors.Stop();
  app.health_server.reset();
  app.metrics_server.reset();
  log::Info("stopped");
}

void App::RequestStop() { impl_->Signal(&Impl::stop); }

}  // namespace reliability::op
