"""What the code can do stands in the documents: variables, commands, detectors, rules, and every file the product ships."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import detectors
from tests import test_architecture

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (".onnx", ".webm", ".mp4", ".jpg", ".png", ".woff2", ".svg")
OWN_PICTURES = ("docs/screens/",)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_every_environment_variable_is_documented():
    sources = [name for name in tracked() if name.endswith(".py") and not name.startswith("tests/") and (ROOT / name).exists()]
    used = {found for name in sources for found in re.findall(r"\bSPECOLA_[A-Z_]+\b", text(name))}
    assert used - set(re.findall(r"\bSPECOLA_[A-Z_]+\b", text("docs/operations.md"))) == set()


@pytest.mark.parametrize("name", detectors.names())
def test_every_detector_has_a_card_page(name):
    card = text(f"docs/cards/{name}.md").lower()
    assert [word for word in ("licence", "data", "limits") if word not in card] == []


def test_every_shipped_weight_clip_and_picture_has_its_licence_written_down():
    licences = text("docs/licences.md")
    files = [name for name in tracked() if name.endswith(SHIPPED) and not name.startswith(OWN_PICTURES)]
    assert [name for name in files if Path(name).name not in licences and str(Path(name).parent) + "/" not in licences] == []


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_tells_where_things_are_exists(page):
    named = re.findall(r"`((?:detectors|federated|site_agents|portal|infra|tests)/[\w/.]*)(?:::\w+)?`", text(page))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_glossary_gives_the_words_that_no_name_may_hold():
    words = text("CONTRIBUTING.md").split("## Glossary")[1]
    assert [word for word in test_architecture.PRIVATE_WORDS if word not in words] == []


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/operations.md", "docs/agent.md", "docs/federation.md", "docs/privacy.md"])
def test_links_between_documents_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text(page))
    assert [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()] == []


def test_the_readme_names_the_two_commands():
    assert "python3 manage.py up" in text("README.md")
    assert "python3 manage.py test" in text("README.md")
