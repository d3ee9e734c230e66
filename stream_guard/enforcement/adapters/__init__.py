"""Gateways of other people: how each of them asks the guard, and how we learn of its requests.

    litellm.py      a plugin inside LiteLLM's process
    http.py         over HTTP: LiteLLM without a plugin, Caddy, whatever asks before it forwards
    envoy.py        Envoy's gRPC services: ext_authz, rate limit, access log
    access_log.py   access logs that a gateway sends (nginx, Caddy), read as events
    service.py      the last three in one process: `stream-guard gateway`

nginx asks Redis itself (deploy/nginx/stream_guard.lua).  None of them waits for Kafka.
"""
