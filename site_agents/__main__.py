"""The agent's command: `python -m site_agents run|enrol|check|bench|witness --config agent.toml`, and `simulate` for a site of agents that help each other."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import DetectorError
from detectors.files import write_durably
from federated.contract.address import redact_text
from federated.trust.pki import PkiError
from federated.trust.signing import fingerprint
from site_agents import __version__
from site_agents.config import Config, load
from site_agents.errors import AgentError, ConfigError, FolderInUse, NotEnrolled

if TYPE_CHECKING:
    from site_agents.agent import CameraAgent

EXIT_PROBLEM, EXIT_USAGE = 1, 2
log = logging.getLogger("site_agents")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; 0 when it went well, 1 for a problem (one sentence on stderr), 2 for a wrong configuration or a missing enrolment."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "simulate":
            return _simulate(options)
        config = load(options.config)
        _log(config)
        return {"run": _run, "enrol": _enrol, "check": _check, "bench": _bench, "witness": _witness}[options.command](config, options)
    except ConfigError as error:
        print(f"agent: {redact_text(str(error))}", file=sys.stderr)
        return EXIT_USAGE
    except (AgentError, DetectorError, PkiError, OSError) as error:
        print(f"agent: {redact_text(str(error))}", file=sys.stderr)
        return EXIT_PROBLEM
    except KeyboardInterrupt:
        return 130


def _run(config: Config, options: argparse.Namespace) -> int:
    from site_agents.agent import CameraAgent
    from site_agents.host import prepare_process
    from site_agents.restarts import Restarts

    prepare_process()
    try:
        agent = CameraAgent(config)
    except (FolderInUse, NotEnrolled):  # nothing began, so nothing ended
        raise
    except Exception as error:  # the process's edge: the next agent that can start reports it
        Restarts(config.folder).failed(error)
        raise
    signal.signal(signal.SIGTERM, agent.stop)
    signal.signal(signal.SIGINT, agent.stop)
    threading.excepthook = lambda failed: _end(agent, failed)
    try:
        agent.run()
        agent.restarts.ended()
        code = 0
    except Exception as error:  # the process's edge: whatever it was, the log and the next heartbeat must say it before the supervisor starts us again
        log.exception("the agent has failed")
        agent.restarts.failed(error)
        code = EXIT_PROBLEM
    if threading.active_count() > 1:
        # A thread hangs in a camera driver or in the middle of a clip: C++ aborts when the interpreter ends under it. Everything is closed.
        logging.shutdown()
        os._exit(code)
    return code


def _end(agent: CameraAgent, failed: threading.ExceptHookArgs) -> None:
    """A thread has ended by an error that nobody expected: the agent must not go on without it."""
    log.critical("the thread %s has failed", failed.thread.name if failed.thread else "", exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback))
    agent.fail(failed.exc_value or failed.exc_type())


def _enrol(config: Config, options: argparse.Namespace) -> int:
    from site_agents.enrol import enrol

    portal = enrol(config, options.code or input("one-time code: "))
    print(f"enrolled as the agent of {portal['site']}/{portal['camera']}")
    return 0


def _check(config: Config, options: argparse.Namespace) -> int:
    from site_agents.check import check

    good = True
    for line in check(config):
        print(line, flush=True)
        good = good and line.ok
    return 0 if good else EXIT_PROBLEM


def _bench(config: Config, options: argparse.Namespace) -> int:
    from site_agents.bench import bench

    figures = bench(config, options.frames)
    if options.json:
        print(json.dumps(figures))
        return 0
    print(f"{figures['fps']} frames/s on one core ({figures['width']} x {figures['height']}, {figures['frames']} frames), memory {figures['rss_mb']} MB")
    for name, ms in figures["stages_ms"].items():
        print(f"  {name:14} {ms:7.2f} ms")
    print(f"with the face detectors of a door (mode M1): {figures['door']['fps']} frames/s, memory {figures['door']['rss_mb']} MB")
    return 0


def _witness(config: Config, options: argparse.Namespace) -> int:
    from site_agents.witness import export

    document = export(config.folder)
    text = json.dumps(document, indent=1)
    if options.output is None:
        print(text)
        return 0
    write_durably(options.output, text + "\n")
    key = fingerprint(document["public_key"])
    print(f"{len(document['receipts'])} heads of the portal's audit log in {options.output}, signed with this agent's key {key}")
    return 0


def _simulate(options: argparse.Namespace) -> int:
    from site_agents.neighbours.command import figures, in_words

    result = figures(options)
    print(json.dumps(result) if options.json else in_words(result))
    return 0


class SecretsFormatter(logging.Formatter):
    """Lines and tracebacks without the secrets of these addresses, or of any other address in them."""

    def __init__(self, *addresses: str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self.addresses = addresses

    def format(self, record: logging.LogRecord) -> str:
        """The whole record, tracebacks too."""
        return redact_text(super().format(record), *self.addresses)


def _log(config: Config) -> None:
    """Plain lines; of the libraries only warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SecretsFormatter(config.source.path, config.portal))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("site_agents").setLevel(config.log.upper())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="site_agents", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("run", "watch until stopped"),
        ("enrol", "exchange a one-time code for an identity"),
        ("check", "is this box ready?"),
        ("bench", "how fast is it here?"),
        ("witness", "export which heads of the portal's audit log this agent was given, for `manage.py verify-audit`"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--config", type=Path, default=Path("agent.toml"), help="the agent's configuration (default: agent.toml)")
        if name == "enrol":
            command.add_argument("--code", help="the code from the portal (asked for when left out, so that it stands in no history)")
        if name == "witness":
            command.add_argument("--output", type=Path, help="the file to write (default: standard output)")
        if name == "bench":
            command.add_argument("--json", action="store_true", help="one line of JSON")
            command.add_argument("--frames", type=_positive, default=300, help="frames to measure (default: 300)")
    _add_simulate(commands)
    return parser


def _add_simulate(commands: argparse._SubParsersAction) -> None:
    words = "what would neighbours that help each other save the server?"
    command = commands.add_parser("simulate", help=words, description=words)
    size = command.add_mutually_exclusive_group(required=True)
    size.add_argument("scenario", nargs="?", type=Path, help="a scenario.toml (docs/protocol.md)")
    size.add_argument("--cameras", type=_positive, help="the documented scenario with so many cameras")
    command.add_argument("--json", action="store_true", help="one line of JSON")
    command.add_argument("--strong", type=float, help="share of the cameras that keep the whole gallery (default: one in six)")
    command.add_argument("--strangers", type=float, help="share of the walks that are strangers' (default: .3)")
    command.add_argument("--dead-server", action="store_true", help="the server dies after a quarter of the run")
    command.add_argument("--dead-cameras", type=_positive, metavar="K", help="K cameras die after a quarter of the run")
    command.add_argument("--processes", action="store_true", help="real processes over mutual TLS on loopback, beside the simulator")
    command.add_argument("--cache", type=Path, help="an .npz in which the faces' embeddings are kept between runs; never inside the repository")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
