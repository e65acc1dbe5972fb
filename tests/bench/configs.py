"""The peers' configurations: reverse proxies with kept connections, ten seconds for a request's head as the sidecar
has, and nothing else switched on. `retry`: an answer 503 or 429 is repeated, two times at most (haproxy: 503)."""

from __future__ import annotations

import json
import pathlib


def nginx(folder: pathlib.Path, listen: int, upstream: int, ca_file: str = "", retry: bool = False) -> list[str]:
    """Arguments; one worker in the foreground, one process."""
    # It repeats a request at another server only, so the one upstream stands there three times.
    servers = f"server 127.0.0.1:{upstream} max_fails=0; " * (3 if retry else 1)
    again = " proxy_next_upstream http_503 http_429 non_idempotent;" if retry else ""
    scheme, trust = ("https", f"""
      proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca_file}; proxy_ssl_session_reuse on;
      proxy_ssl_name provider.test; proxy_ssl_protocols TLSv1.3;""") if ca_file else ("http", "")  # fmt: skip
    config = folder / f"nginx-{listen}.conf"
    config.write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx-{listen}.pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_buffer_size 128k;
  client_header_timeout 10s; client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  upstream provider {{ {servers}keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{listen} backlog=4096;
    location / {{
      proxy_pass {scheme}://provider; proxy_http_version 1.1; proxy_set_header Connection "";{trust}{again}
    }}
  }}
}}
""", encoding="utf-8")  # fmt: skip
    return ["-e", "stderr", "-p", str(folder), "-c", str(config)]


def nginx_tls_upstream(folder: pathlib.Path, listen: int, answer: bytes, cert: str, key: str) -> list[str]:
    """A provider behind TLS."""
    config = folder / "nginx-upstream.conf"
    config.write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx-upstream.pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_buffer_size 128k;
  client_body_temp_path {folder}/u1; proxy_temp_path {folder}/u2; fastcgi_temp_path {folder}/u3;
  uwsgi_temp_path {folder}/u4; scgi_temp_path {folder}/u5;
  server {{
    listen 127.0.0.1:{listen} ssl backlog=4096; ssl_certificate {cert}; ssl_certificate_key {key};
    ssl_protocols TLSv1.3; default_type application/json;
    location / {{ return 200 '{answer.decode()}'; }}
  }}
}}
""", encoding="utf-8")  # fmt: skip
    return ["-e", "stderr", "-p", str(folder), "-c", str(config)]


def haproxy(folder: pathlib.Path, listen: int, upstream: int, ca_file: str = "", retry: bool = False) -> list[str]:
    tls = f" ssl verify required verifyhost provider.test ca-file {ca_file}" if ca_file else ""
    again = "\n  retries 2\n  retry-on 503" if retry else ""
    config = folder / f"haproxy-{listen}.cfg"
    config.write_text(f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout http-request 10s
  timeout http-keep-alive 600s
  timeout server 600s
  option http-no-delay
  http-reuse always
frontend agents
  bind 127.0.0.1:{listen} backlog 4096
  default_backend provider
backend provider{again}
  server provider 127.0.0.1:{upstream} pool-max-conn 128{tls}
""", encoding="utf-8")  # fmt: skip
    return ["-db", "-f", str(config)]


def envoy(folder: pathlib.Path, listen: int, upstream: int, ca_file: str = "", retry: bool = False) -> list[str]:
    cluster: dict = {
        "name": "provider", "type": "STATIC", "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_connections": 100000, "max_pending_requests": 100000,
                                             "max_requests": 100000, "max_retries": 100000}]},
        "load_assignment": {"cluster_name": "provider", "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}}}]}]},
    }  # fmt: skip
    if ca_file:
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"tls_params": {"tls_maximum_protocol_version": "TLSv1_3"}, "validation_context": {
                    "trusted_ca": {"filename": ca_file},
                    "match_typed_subject_alt_names": [{"san_type": "IP_ADDRESS", "matcher": {"exact": "127.0.0.1"}}],
                }},
            },
        }  # fmt: skip
    route: dict = {"cluster": "provider", "timeout": "600s"}
    if retry:
        route["retry_policy"] = {"retry_on": "retriable-status-codes", "retriable_status_codes": [429, 503], "num_retries": 2}
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "dynamic_stats": False}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "agents", "generate_request_id": False, "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": route}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }  # fmt: skip
    config = folder / f"envoy-{listen}.json"
    config.write_text(json.dumps({"static_resources": {
        "listeners": [{
            "name": "agents", "address": {"socket_address": {"address": "127.0.0.1", "port_value": listen}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager",
                                            "typed_config": manager}]}],
        }],
        "clusters": [cluster],
    }}), encoding="utf-8")  # fmt: skip
    return ["-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error",
            "--use-dynamic-base-id"]  # fmt: skip


def portkey(listen: int) -> list[str]:
    return [f"--port={listen}", "--headless"]


def portkey_headers(upstream: int) -> dict[str, str]:
    return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
