"""Prometheus' view of an agent: counted as it serves, written out when somebody asks."""

from bisect import bisect_left
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)
"""A stream takes as long as its agent; a whole answer milliseconds."""
BOUNDS_S = (*BUCKETS_S, float("inf"))


class Tally(Struct):
    """What was served: by route, and how it ended."""

    answers: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """(method, route, status) -> answers; routes that are none of ours count as one."""
    seconds: dict[tuple[str, float], int] = field(default_factory=dict)
    """(route, upper bound) -> answers that took no longer, and longer than the bound before."""
    spent_s: dict[str, float] = field(default_factory=dict)
    open: int = 0

    def count(self, method: str, route: str, status: int, begun_at: float) -> None:
        """Take one answer into account."""
        took = perf_counter() - begun_at
        key = (method, route, status)
        self.answers[key] = self.answers.get(key, 0) + 1
        self.spent_s[route] = self.spent_s.get(route, 0.0) + took
        bucket = (route, BOUNDS_S[bisect_left(BUCKETS_S, took)])
        self.seconds[bucket] = self.seconds.get(bucket, 0) + 1


def metrics_route(tally: Tally) -> Route:
    """Return `/metrics`; it tells numbers and the names of routes, nothing of what was asked."""

    async def tell(_request: Request, send: Send) -> None:
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(tally))
        await answer(send, Answer(200, generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8"))

    return Route("GET", "/metrics", tell, plain_refusal)


class _Collector:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        yield GaugeMetricFamily("fujie_open_requests", "Requests that are being answered.", self._tally.open)
        answers = CounterMetricFamily("fujie_answers", "Answers given.", labels=["method", "route", "status"])
        for (method, route, status), count in sorted(self._tally.answers.items()):
            answers.add_metric([method, route, str(status)], count)
        yield answers
        took = HistogramMetricFamily("fujie_answer_seconds", "From a request to its answer's end.", labels=["route"])
        for route, spent in sorted(self._tally.spent_s.items()):
            took.add_metric([route], self._buckets(route), spent)
        yield took

    def _buckets(self, route: str) -> list[tuple[str, float]]:
        total, buckets = 0, []
        for bound in BOUNDS_S:
            total += self._tally.seconds.get((route, bound), 0)
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        return buckets
