"""The house rules that a machine can check: who imports whom, how large things are, what an agent loads."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MEASURED = {"flwr": "1.41.0", "torch": "2.13.0", "numpy": "2.", "opencv-python": "5.", "uvicorn": "0.49", "Django": "5.2."}
PICTURES = (".onnx", ".webm", ".png", ".jpg", ".woff2", ".mo")
PARTS = ("detectors", "federated", "site_agents", "portal", "infra")


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py") if "migrations" not in file.parts and "vendor" not in file.parts)


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def functions_of(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{file.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_imports_follow_the_one_way_street():
    run = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_no_file_is_longer_than_400_lines():
    assert [f"{file.relative_to(ROOT)}: {lines_of(file)}" for file in python_files(*PARTS, "tests") if lines_of(file) > 400] == []


def test_no_function_is_longer_than_60_lines():
    assert [f"{name}: {length}" for file in python_files(*PARTS, "tests") for name, length in functions_of(file) if length > 60] == []


def test_files_and_functions_stay_small_in_the_middle(capsys):
    files = [lines_of(file) for file in python_files(*PARTS) if lines_of(file) > 1]
    functions = [length for file in python_files(*PARTS) for _, length in functions_of(file)]
    tests = [length for file in python_files("tests") for name, length in functions_of(file) if ":test_" in name]
    ratio = sum(map(lines_of, python_files("tests"))) / sum(files)
    with capsys.disabled():
        print(f"\nfiles: {len(files)}, median {statistics.median(files):.0f} lines, longest {max(files)}")
        print(f"functions: {len(functions)}, median {statistics.median(functions):.0f} lines, p90 {percentile(functions, 0.9)}, longest {max(functions)}")
        print(f"tests: {len(tests)}, median {statistics.median(tests):.0f} lines; test lines / source lines = {ratio:.2f}")
    assert statistics.median(files) <= 100
    assert statistics.median(functions) <= 8
    assert percentile(functions, 0.9) <= 30
    assert statistics.median(tests) <= 12


def test_every_module_says_in_one_sentence_what_it_is():
    silent = [str(file.relative_to(ROOT)) for file in python_files(*PARTS) if file.read_text().strip() and not ast.get_docstring(ast.parse(file.read_text()))]
    assert silent == []


@pytest.mark.parametrize("tool", [("ruff", "check"), ("ruff", "format", "--check")], ids=["check", "format"])
def test_ruff_has_nothing_to_say(tool):
    run = subprocess.run([Path(sys.executable).with_name(tool[0]), *tool[1:], "--no-cache", "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("module", ["detectors", "site_agents.__main__"])
def test_a_camera_loads_no_torch_no_django_and_no_flower(module):
    code = f"import sys, {module}; print([name for name in ('torch', 'django', 'flwr') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "wanted"), MEASURED.items())
def test_the_versions_are_the_ones_that_were_measured(name, wanted):
    assert version(name).startswith(wanted)


def test_no_path_or_registry_of_a_developers_machine_is_committed():
    words = (
        "/" + "work/main",
        "/" + "work/shared",
        "/opt/" + "pypi",
        "/opt/" + "wheels",
        "pypi" + ".org",
        "registry.npm" + "js.org",
        "files.python" + "hosted",
    )
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    texts = {name: (ROOT / name).read_text(errors="ignore") for name in files if (ROOT / name).exists() and not name.endswith(PICTURES)}
    assert [f"{name}: {word}" for name, text in texts.items() for word in words if word in text] == []
