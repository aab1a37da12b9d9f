"""What this process counts about itself; /metrics hands it to Prometheus. Works from any thread."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

registry = CollectorRegistry()

status_sockets = Gauge(
    "kvmweb_status_sockets",
    "Status sockets open in this process: tabs of browsers.",
    registry=registry,
)
consoles = Gauge("kvmweb_consoles", "Consoles open in this process.", registry=registry)
tasks = Gauge(
    "kvmweb_tasks",
    "Tasks on the loop of this process: what grows without an end is forgotten somewhere.",
    registry=registry,
)
tick_seconds = Histogram(
    "kvmweb_sampler_tick_seconds",
    "Time to measure a host with all its guests and to publish it.",
    ["host"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=registry,
)
