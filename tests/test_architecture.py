"""The house rules that a machine can check: who imports whom, how large things are, what an agent loads."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import grimp
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


def test_imports_follow_the_one_way_street():
    run = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


# Words that mean something only to who wrote them; CONTRIBUTING.md has the field's word for each.
PRIVATE_WORDS = {
    *("said", "say", "says", "told", "tell", "tells", "known", "know", "knows", "believed", "believe", "heard", "hear", "hears"),
    *("obey", "bury", "sparing", "papers", "judged", "circle", "company", "courier", "doorkeeper", "three", "beside", "seat"),
}
# Class names that stand for more than one class, each with the reason; ten at the most.
SHARED_CLASS_NAMES = {
    "Meta": "Django reads the options of a model or form from a class of this name",
    "Command": "Django finds a management command by this name",
}


def words_of(name: str) -> set[str]:
    """The words of an identifier, snake_case or CamelCase."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", part)}


def names_given_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name that a file gives to something: functions, classes, arguments, variables, attributes, imports under another name."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test_"):
                continue  # a sentence, not a name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.alias(asname=str()):
                yield node.lineno, node.asname


def test_no_private_word_is_in_a_name():
    found = []
    for file in python_files(*PARTS, "tests"):
        named = [(0, file.stem), *names_given_in(ast.parse(file.read_text()))]
        found += [f"{file.relative_to(ROOT)}:{line}: {name}" for line, name in named if PRIVATE_WORDS & words_of(name)]
    assert found == []


def test_a_class_name_means_one_class():
    places: dict[str, list[str]] = {}
    for file in python_files(*PARTS):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASS_NAMES:
                places.setdefault(node.name, []).append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert len(SHARED_CLASS_NAMES) <= 10
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Who imports whom, imports inside functions and under TYPE_CHECKING included."""
    return grimp.build_graph(*PARTS, cache_dir=None)


def test_no_import_runs_in_a_circle(imports):
    order = graphlib.TopologicalSorter({module: imports.find_modules_directly_imported_by(module) for module in imports.modules})
    try:
        order.prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_a_circle_of_imports_would_be_found():
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_core_imports_no_other_app(imports):
    apps = {module.split(".")[1] for module in imports.find_children("portal")} - {"core"}
    core = {"portal.core"} | imports.find_descendants("portal.core")
    met = {(module, target) for module in core for target in imports.find_modules_directly_imported_by(module)}
    assert sorted(f"{module} -> {target}" for module, target in met if target.startswith("portal.") and target.split(".")[1] in apps) == []
    assert {"alerts", "analysis", "people", "sites", "training"} <= {app.split(".")[-1] for app in imports.find_children("portal")}


def test_tests_use_the_public_face():
    allowed = {"_meta", "_replace", "_asdict", "_fields", "_catalog", "_exit"}  # Django's, the standard library's and gettext's own
    found = []
    for file in python_files("tests"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                pass
            elif node.attr.startswith("_") and not node.attr.startswith("__") and node.attr not in allowed:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.attr}")
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PARTS:
                found += [f"{file.relative_to(ROOT)}:{node.lineno}: {each.name}" for each in node.names if each.name.startswith("_")]
    assert found == []


def test_no_file_is_longer_than_400_lines():
    assert [f"{file.relative_to(ROOT)}: {lines_of(file)}" for file in python_files(*PARTS, "tests") if lines_of(file) > 400] == []


def test_no_function_is_longer_than_60_lines():
    assert [f"{name}: {length}" for file in python_files(*PARTS, "tests") for name, length in functions_of(file) if length > 60] == []


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
