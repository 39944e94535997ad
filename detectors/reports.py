"""A report as JSON and back: every message travels as its code, its parameters and its English words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from detectors.messages import Message, message_from_json, shown, text
from detectors.types import (
    BANDS,
    ClipEvidence,
    Evidence,
    MarkedTextEvidence,
    PictureEvidence,
    PlotEvidence,
    PlotSeries,
    Report,
    ReportField,
    ReportPart,
    TableEvidence,
    TextSpan,
    TimelineEntry,
    Verdict,
    to_json,
)

SCHEMA = 2  # 1, which did not say so: plain English sentences, parts of free keys, one input


def report_to_json(report: Report) -> dict[str, Any]:
    """A report as plain JSON data.

    {"schema": 2, "verdict": {"label": M, "score", "threshold", "band", "reasons": [M]}, "parts": [{"name", "title": M, "fields": [{"key", "label": M,
    "value"}]}], "timeline": [{"t", "kind", "score", "message": M}], "evidence": [{"kind", "name", "caption": M, ...}], "models", "inputs",
    "seconds", "names"}, with M =
    {"code", "params", "text" (English)}. Of pictures and clips the sha256 stands there, plots, tables and marked texts are there whole.
    Raises UnknownMessage when a message has no words.
    """
    return {"schema": SCHEMA, **to_json(report)}


def report_from_json(data: Mapping[str, Any], evidence: Mapping[str, str] | None = None) -> Report:
    """Read a report back, also one of before there were codes: its sentences stay English, its keys become labels.

    `evidence` names the pictures (name -> sha256) of such an old report. Raises ValueError when the data is no report.
    """
    try:
        if data.get("schema") == SCHEMA:
            return Report(
                _verdict(data["verdict"]),
                tuple(_part(each) for each in data["parts"]),
                tuple(TimelineEntry(float(each["t"]), each["kind"], each["score"], message_from_json(each["message"])) for each in data["timeline"]),
                tuple(_evidence(each) for each in data["evidence"]),
                dict(data["models"]),
                tuple(data["inputs"]),
                None if data.get("seconds") is None else float(data["seconds"]),
                tuple(map(str, data.get("names", ()))),
            )
        return _old_report(data, evidence or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no report: {error!r}") from error


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a report or a part of one, but for the words of messages: those are the tool's own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        yield from (each for each in value.params.values() if isinstance(each, str))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts_of(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)


def names_in(parts: Sequence[Any], names: Iterable[str]) -> tuple[str, ...]:
    """Those of these names that stand anywhere in these parts of a report, sorted."""
    blob = "\n".join(text for part in parts for text in texts_of(part)).casefold()
    return tuple(sorted(name for name in set(names) if name and name.casefold() in blob))


def _verdict(data: Mapping[str, Any]) -> Verdict:
    reasons = tuple(message_from_json(each) for each in data.get("reasons", ()))
    return Verdict(message_from_json(data["label"]), data.get("score"), data.get("threshold"), data["band"] if data["band"] in BANDS else "unsure", reasons)


def _part(data: Mapping[str, Any]) -> ReportPart:
    fields = tuple(ReportField(each["key"], message_from_json(each["label"]), _value(each["value"])) for each in data["fields"])
    return ReportPart(data["name"], message_from_json(data["title"]), fields)


def _value(data: Any) -> Any:
    """A value as it was: lists become tuples again, objects are messages."""
    if isinstance(data, Mapping):
        return message_from_json(data)
    return tuple(_value(each) for each in data) if isinstance(data, list) else data


def _evidence(data: Mapping[str, Any]) -> Evidence:
    name, caption = data["name"], message_from_json(data["caption"])
    if data["kind"] in ("picture", "clip"):
        return (PictureEvidence if data["kind"] == "picture" else ClipEvidence)(name, caption, sha256=data["sha256"])
    if data["kind"] == "plot":
        series = tuple(PlotSeries(message_from_json(each["label"]), tuple(each["x"]), tuple(each["y"])) for each in data["series"])
        marks = tuple((float(x), message_from_json(label)) for x, label in data["marks"])
        return PlotEvidence(name, caption, message_from_json(data["x_label"]), message_from_json(data["y_label"]), series, marks)
    if data["kind"] == "table":
        return TableEvidence(name, caption, tuple(map(message_from_json, data["columns"])), tuple(tuple(map(_value, row)) for row in data["rows"]))
    if data["kind"] == "marked-text":
        spans = tuple(TextSpan(each["start"], each["end"], message_from_json(each["label"]), each["score"]) for each in data["spans"])
        return MarkedTextEvidence(name, caption, data["text"], spans)
    raise ValueError(f"there is no evidence of the kind {data['kind']!r}")


def _old_report(data: Mapping[str, Any], evidence: Mapping[str, str]) -> Report:
    parts = tuple(_old_part(each) for each in data.get("parts", ()))
    pictures = tuple(PictureEvidence(name, text(name.replace("-", " ")), sha256=sha256) for name, sha256 in evidence.items())
    inputs = [data.get("input_sha256") or "", *(str(each["sha256"]) for each in data.get("parts", ()) if "sha256" in each)]
    return Report(_verdict(data["verdict"]), parts, (), pictures, dict(data.get("models", {})), tuple(dict.fromkeys(filter(None, inputs))))


def _old_part(data: Mapping[str, Any]) -> ReportPart:
    name = str(data.get("name", ""))
    fields = tuple(ReportField(key, text(key.replace("_", " ")), _flat(value)) for key, value in data.items() if key != "name")
    return ReportPart(name, text(name), fields)


def _flat(value: Any) -> Any:
    """An old part's value without objects in it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {shown(_flat(each))}" for key, each in value.items())
    return tuple(_flat(each) for each in value) if isinstance(value, list) else value
