"""What came of a scrape → an HTTP answer: text format 0.0.4, no timestamps."""

from collections.abc import Callable, Iterable

from exporters.metric.blocks import SampleBlocks, blocks_of
from exporters.metric.exposition import CONTENT_TYPE, SampleConflictError, strict_text, text
from exporters.metric.samples import Family, Fault, Sample, label_text
from exporters.probing.job import Outcome
from heronwatch.http_message import Response, text_response

SUCCESS = Family("probe_success", "gauge", "1 when every module was read completely.")
DURATION = Family("probe_duration_seconds", "gauge", "How long reading the device took.")
FAILURE = Family("probe_failure_info", "gauge", "Why a module was not read completely; present only then.")


def probe_answer(outcome: Outcome, duplicates: Callable[[int], None]) -> Response:
    """Answer as `/probe` does: always 200; what failed is told by metrics, and in comments for people.

    `duplicates` is told how many samples were left out, once for an outcome.
    """
    body = outcome.rendered.get("probe")
    if body is None:
        body = _text(outcome, _about(outcome), duplicates) + _comments(outcome.reading.faults)
        outcome.keep("probe", body)
    return Response(body=body, content_type=CONTENT_TYPE)


def partial_answer(outcome: Outcome, duplicates: Callable[[int], None], *, protocol: str) -> Response:
    """Answer on a protocol's own route with partial results: 200, and which modules were read completely."""
    body = outcome.rendered.get("partial")
    if body is None:
        family = Family(f"{protocol}_module_success", "gauge", "1 when the module was read completely.")
        faulty = {fault.module for fault in outcome.reading.faults}
        names = sorted({*outcome.reading.modules, *faulty})
        modules = [(family, label_text([("module", name)]), int(name not in faulty)) for name in names]
        more: list[Sample] = [*modules, (SUCCESS, "", int(outcome.success))]
        body = _text(outcome, more, duplicates) + _comments(outcome.reading.faults)
        outcome.keep("partial", body)
    return Response(body=body, content_type=CONTENT_TYPE)


def endpoint_answer(outcome: Outcome, duplicates: Callable[[int], None], *, strict: bool) -> Response:
    """Answer as the original of a protocol's own route does: any fault is a 500 with its reason as text."""
    if outcome.reading.faults:
        return text_response("\n".join(map(fault_line, outcome.reading.faults)), status=500)
    kind = "strict" if strict else "endpoint"
    body = outcome.rendered.get(kind)
    if body is None:
        try:
            body = strict_text(outcome.reading.samples) if strict else _text(outcome, (), duplicates)
        except SampleConflictError as error:
            return text_response(f"duplicate: {error}", status=500)
        outcome.keep(kind, body)
    return Response(body=body, content_type=CONTENT_TYPE)


def _text(outcome: Outcome, more: Iterable[Sample], duplicates: Callable[[int], None]) -> bytes:
    body, left_out = text(SampleBlocks([*blocks_of(outcome.reading.samples), *blocks_of(more)]))
    if not outcome.is_counted:
        duplicates(left_out)
        outcome.is_counted = True
    return body


def fault_line(fault: Fault) -> str:
    """Return a fault for people.

    >>> fault_line(Fault("if_mib", "timeout", "no answer"))
    'module if_mib: timeout: no answer'
    """
    return f"module {fault.module}: {fault.reason}: {fault.detail}"


def _about(outcome: Outcome) -> Iterable[Sample]:
    yield SUCCESS, "", int(outcome.success)
    yield DURATION, "", outcome.duration_s
    for module, reason in sorted({(fault.module, fault.reason) for fault in outcome.reading.faults}):
        yield FAILURE, label_text([("module", module), ("reason", reason)]), 1


def _comments(faults: Iterable[Fault]) -> bytes:
    """Return faults as comment lines, which Prometheus skips; never anything that reads as HELP or TYPE."""
    lines = (" ".join(fault_line(fault).split()) for fault in faults)
    return "".join(f"# fault: {line}\n" for line in lines).encode(errors="replace")
