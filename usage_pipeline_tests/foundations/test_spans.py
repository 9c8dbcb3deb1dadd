import pytest
import requests
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from usage_pipeline import spans
from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.errors import Rejected, Unavailable


@pytest.fixture
def told(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


def test_each_attempt_of_a_call_is_a_span_that_tells_no_parameter(told, monkeypatch):
    session = requests.Session()
    session.trust_env = False
    caller = Caller("http://127.0.0.1:9", lambda _: None, session=session, sleep=lambda _: None)
    with pytest.raises(Unavailable):
        caller.call("GET", "/crm/x", Class.SAFE, params={"secret": "hush"})
    found = told.get_finished_spans()
    assert {one.name for one in found} == {"GET /crm/x"}
    assert [one.attributes["usage.attempt"] for one in found] == [1, 2, 3, 4, 5, 6]
    assert "hush" not in "".join(str(one.attributes) for one in found)


def test_a_traced_function_keeps_its_answer_and_its_error_stands_on_its_span(told):
    @spans.traced("features/account_snapshot")
    def halve(number):
        return 10 // number

    assert halve(2) == 5
    with pytest.raises(ZeroDivisionError):
        halve(0)
    assert [one.status.is_ok for one in told.get_finished_spans()] == [True, False]


def test_an_endpoint_without_an_exporter_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setenv(spans.ENDPOINT, "http://127.0.0.1:4318")
    with pytest.raises(Rejected, match=r"usage-pipeline\[otel\]"):
        spans.configure()
