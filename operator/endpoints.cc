#include "operator/endpoints.h"

#include <utility>

namespace reliability::op {
namespace {

net::HttpResponse Text(unsigned status, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

bool IsRead(const net::HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

net::HttpHandler MetricsHandler(const metrics::Registry& registry) {
  return [&registry](const net::HttpRequest& request) {
    if (request.path != "/metrics") {
      return Text(404, "not found\n");
    }
    if (!IsRead(request)) {
      return Text(405, "only GET\n");
    }
    net::HttpResponse response = Text(200, registry.Text());
    response.content_type = metrics::kTextContentType;
    return response;
  };
}

net::HttpHandler HealthHandler(std::function<std::string()> why_not_ready) {
  return [why_not_ready = std::move(why_not_ready)](const net::HttpRequest& request) {
    const bool live = request.path == "/healthz";
    if (!live && request.path != "/readyz") {
      return Text(404, "not found\n");
    }
    if (!IsRead(request)) {
      return Text(405, "only GET\n");
    }
    const std::string why = live ? std::string() : why_not_ready();
    return why.empty() ? Text(200, "ok\n") : Text(503, why + "\n");
  };
}

}  // namespace reliability::op
