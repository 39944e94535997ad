"""The command line: `python -m detectors list|card|run|evaluate|results|bench`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import detectors
from detectors import evaluate as judging
from detectors import image, nuisances, registry, results
from detectors.errors import BadDataset, BadInput, DetectorError
from detectors.messages import LANGUAGES, shown, worded
from detectors.reports import report_to_json
from detectors.types import Report, to_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong call or wrong data set format."""
    asked = _parser().parse_args(arguments)
    try:
        return asked.command(asked)
    except BadDataset as error:
        print(error, file=sys.stderr)
        return 2
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 1


def list_detectors(asked: argparse.Namespace) -> int:
    """Every detector and tool with family, kind and licence (of a tool what it reads, too), and the names of the evaluators."""
    rows: list[dict[str, Any]] = []
    for each in registry.entries().values():
        rows.append({"name": each.name, "family": each.family, "kind": each.kind, "licence": detectors.card(each.name).licence})
        if isinstance(each, registry.ToolEntry):
            rows[-1].update(title=worded(each.title), about=worded(each.about), media=list(each.media), inputs=each.inputs, examiners=each.examiners)
    rows.sort(key=lambda row: row["name"])
    if asked.json:
        print(json.dumps({"detectors": rows, "evaluators": judging.names()}))
        return 0
    for row in rows:
        reads = f"  ({row['inputs']} x {', '.join(row['media'])})" if "media" in row else ""
        print(f"{row['name']:<20} {row['family']:<8} {row['kind']:<7} {row['licence']}{reads}")
    print(f"evaluators: {', '.join(judging.names())}")
    return 0


def show_card(asked: argparse.Namespace) -> int:
    """The card of one detector as JSON."""
    print(json.dumps(to_json(detectors.card(asked.name)), indent=None if asked.json else 2))
    return 0


def run(asked: argparse.Namespace) -> int:
    """Run a desk tool on its file or files and print its report, or a detector on pictures and print one JSON line each."""
    kind, failed = registry.entry(asked.name).kind, 0
    if kind == "stream":
        raise BadInput(f"{asked.name} watches a camera: run it with python -m site_agents")
    if kind == "head":
        raise BadInput(f"{asked.name} judges what another detector saw at an alert: an agent runs it")
    built = detectors.load(asked.name)
    if kind == "tool":
        report = built.report(asked.files)
        print(json.dumps(report_to_json(report)) if asked.json else _readable_report(asked.name, report, asked.language))
        return 0
    for file in asked.files:
        try:
            print(json.dumps({"file": file, "found": to_json(built.detect([image.read(file)])[0])}))
        except BadInput as error:
            print(json.dumps({"file": file, "error": str(error)}))
            failed += 1
    return 1 if failed else 0


def evaluate(asked: argparse.Namespace) -> int:
    """Judge on a data set; one JSON object."""
    options = {
        name: getattr(asked, name) for name in ("fit", "tiles", "resolution", "peer", "kinds", "seconds", "task", "text") if getattr(asked, name) is not None
    }
    answer = judging.evaluate(asked.name, asked.dataset, **options)
    print(json.dumps(answer) if asked.json else _readable(answer))
    return 0


def write_results(asked: argparse.Namespace) -> int:
    """Measure a table of the documents on the evaluation data and write its page."""
    with tempfile.TemporaryDirectory(prefix="specola-results-") as folder:
        conditions = results.Conditions(asked.data, asked.seed, asked.limit, asked.work or Path(folder))
        written = results.write(asked.name, conditions, asked.out)
    print(json.dumps({"written": str(written)}) if asked.json else written)
    return 0


def bench(asked: argparse.Namespace) -> int:
    """Milliseconds an item of every detector, on one thread; with --threads items a second of those that threads share."""
    from detectors.bench import measure_all, measure_threads

    if asked.threads:
        rows = measure_threads(asked.threads, asked.items)
        lines = [f"{row['name']:<20} {row['threads']} threads {row['per_second']:8.1f} a second {row['memory_mb']:6d} MB" for row in rows["detectors"]]
        print(json.dumps(rows) if asked.json else "\n".join(lines))
        return 0
    rows = measure_all(asked.items)
    print(json.dumps(rows) if asked.json else "\n".join(f"{row['name']:<16} {row['ms_per_item']:8.2f} ms  {row['item']}" for row in rows["detectors"]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m detectors", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def add(name: str, function: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        made.add_argument("--json", action="store_true", help="one JSON object on one line")
        made.set_defaults(command=function)
        return made

    add("list", list_detectors)
    add("card", show_card).add_argument("name")
    running = add("run", run)
    running.add_argument("name")
    running.add_argument("files", nargs="+", help="; ".join(f"{each.name}: {each.inputs} ({', '.join(each.media)})" for each in registry.tools()))
    running.add_argument("--language", choices=LANGUAGES, default="en", help="of a tool's report, without --json")
    evaluating = add("evaluate", evaluate)
    evaluating.add_argument("name", help=f"one of {', '.join(judging.names())}")
    evaluating.add_argument("dataset", type=Path)
    evaluating.add_argument("--fit", help="folder of the data set with normal footage to fit on, such as train")
    evaluating.add_argument("--tiles", type=_tiles, help="parts a large picture is looked at in, as COLUMNSxROWS")
    evaluating.add_argument("--resolution", type=int, help="degrade the probes to N x N pixels first")
    evaluating.add_argument("--peer", choices=["dlib"], help="judge this library's nets on the same pictures as well (pip install 'specola[peer]')")
    evaluating.add_argument("--kinds", nargs="+", choices=nuisances.kinds(), help="of nuisances: only these")
    evaluating.add_argument("--seconds", type=float, help="how long each nuisance is looked at")
    evaluating.add_argument("--task", type=int, choices=[1, 2, 3], help="of persuasion: 1 the text alone (as without this), 2 its passages, 3 text and picture")
    evaluating.add_argument(
        "--text", choices=["transcription", "ocr"], help="of persuasion: the memes' text as people typed it, or as it is read in the pictures"
    )
    tables = add("results", write_results)
    tables.add_argument("name", choices=results.names())
    tables.add_argument("--data", type=Path, default=results.data_folder(), help="folder of the evaluation data")
    tables.add_argument("--out", type=Path, help="the page to write instead of docs/results/NAME.md")
    tables.add_argument("--seed", type=int, default=0)
    tables.add_argument("--limit", type=int, help="measure at most so many items: a quick look, never a page to publish")
    tables.add_argument("--work", type=Path, help="folder for what is made on the way, to keep it and go on from there")
    timed = add("bench", bench)
    timed.add_argument("--items", type=int, default=20)
    timed.add_argument("--threads", type=int, nargs="+", help="numbers of threads, such as 1 2 8")
    return parser


def _tiles(text: str) -> tuple[int, int]:
    columns, rows = (int(part) for part in text.split("x"))
    if min(columns, rows) < 1 or max(columns, rows) > 8:
        raise argparse.ArgumentTypeError("tiles are 1x1 to 8x8")
    return columns, rows


def _readable_report(name: str, report: Report, language: str) -> str:
    """A report in words: verdict and reasons, what was found when, the parts, and what evidence there is."""
    lines = [worded(registry.tool_entry(name).title, language), "", shown(report.verdict.label, language)]
    lines += [f"- {worded(each, language)}" for each in report.verdict.reasons]
    lines += [f"  {entry.t:8.2f} s  {worded(entry.message, language)}" for entry in report.timeline]
    for part in report.parts:
        lines += ["", worded(part.title, language), *(f"  {worded(field.label, language)}: {shown(field.value, language)}" for field in part.fields)]
    return "\n".join([*lines, "", *(f"[{each.kind}] {worded(each.caption, language)}" for each in report.evidence)])


def _readable(answer: dict[str, Any]) -> str:
    lines = [f"{answer['name']} on {answer['dataset']}: n = {answer['n']}, {answer['ms_per_item']} ms an item, {len(answer['skipped'])} skipped"]
    for name, metric in answer["metrics"].items():
        between = "" if metric["low"] is None else f"  ({metric['low']} to {metric['high']})"
        lines.append(f"  {name:<44} {metric['value']}{between}")
    for name, metrics in answer.get("rivals", {}).items():
        lines += [f"  rival {name}: {metric} {figure['value']}  ({figure['low']} to {figure['high']})" for metric, figure in metrics.items()]
    return "\n".join([*lines, f"  threshold {answer['threshold']['value']}: {answer['threshold']['from']}"])


if __name__ == "__main__":
    sys.exit(main())
