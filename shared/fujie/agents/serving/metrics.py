"""Prometheus' view of an agent: counted as it serves, written out when somebody asks."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)
"""A stream takes as long as its agent; a whole answer milliseconds."""
BOUNDS_S = (*BUCKETS_S, float("inf"))


class Count:
    """The answers of one route that ended alike."""

    def __init__(self) -> None:
        self.answers = 0
        self.spent_s = 0.0
        self.by_bound = [0] * len(BOUNDS_S)
        """Those that took no longer than each bound, and longer than the one before."""


class Tally:
    """What was served: by route, and how it ended."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], Count] = {}
        """By (method, route, status); routes that are none of ours count as one."""
        self.open = 0

    def count(self, method: str, route: str, status: int, begun_at: float) -> None:
        """Take one answer into account."""
        key, took = (method, route, status), perf_counter() - begun_at
        count = self.counts.get(key) or self.counts.setdefault(key, Count())
        count.answers += 1
        count.spent_s += took
        count.by_bound[bisect_left(BUCKETS_S, took)] += 1


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
        for (method, route, status), count in sorted(self._tally.counts.items(), key=lambda item: item[0]):
            answers.add_metric([method, route, str(status)], count.answers)
        yield answers
        took = HistogramMetricFamily("fujie_answer_seconds", "From a request to its answer's end.", labels=["route"])
        for route in sorted({route for _, route, _ in self._tally.counts}):
            counts = [count for (_, named, _), count in self._tally.counts.items() if named == route]
            took.add_metric([route], _buckets(counts), sum(count.spent_s for count in counts))
        yield took


def _buckets(counts: Iterable[Count]) -> list[tuple[str, float]]:
    per_bound = zip(*(count.by_bound for count in counts), strict=True)
    totals = accumulate(sum(answers) for answers in per_bound)
    return [
        ("+Inf" if bound == float("inf") else str(bound), float(total))
        for bound, total in zip(BOUNDS_S, totals, strict=True)
    ]
