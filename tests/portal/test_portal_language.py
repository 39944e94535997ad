"""Italian is complete, compiled, and lasts once chosen."""

from __future__ import annotations

import ast
import datetime
import gettext
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from alert_scene import PASSWORD, user
from django.test import Client
from django.urls import reverse
from django.utils import translation
from training_scene import administrator

from detectors.rules import registry
from federated.learning import plan, privacy
from federated.learning import task as tasks_of
from portal.accounts.models import Membership
from portal.alerts import kinds
from portal.core import health
from portal.core.audit import record
from portal.core.models import AuditRow
from portal.sites import rules
from portal.training.runs import vote_comparison, words

FOLDER = Path(__file__).resolve().parents[2] / "portal" / "locale" / "it" / "LC_MESSAGES"
PORTAL = FOLDER.parents[2]
PAGES = {
    "alerts:watch_room": ("Sala di controllo", "Watch room"),
    "live:wall": ("Telecamere in diretta", "Live wall"),
    "sites:map": ("Siti", "New site"),
    "sites:agents": ("Agenti", "The programs at the cameras"),
    "training:console": ("Chi può addestrarsi", "Who can train"),
    "training:models": ("Registro dei modelli", "Model registry"),
    "analysis:desk": ("Banco d'analisi", "Analysis desk"),
    "facts:list": ("Fatti", "Propose a fact"),
    "people:list": ("Elenco del personale", "Staff list"),
    "house:health": ("Base di dati", "Database"),
    "house:audit": ("Registro di controllo", "Audit log"),
    "accounts:account": ("Il mio account", "My account"),
    "accounts:users": ("Utenti", "Invite somebody"),
}


def catalogue() -> dict:
    with (FOLDER / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)._catalog


def entries() -> list[tuple[str, str]]:
    """Every text of the sources, with its Italian."""
    return re.findall(r'^msgid "(.+)"\n(?:msgid_plural ".*"\n)?msgstr(?:\[0\])? "(.*)"$', (FOLDER / "django.po").read_text(), re.MULTILINE)


def singular(texts: dict) -> dict[str, str]:
    """The catalogue without its plural forms, whose keys are pairs of text and number."""
    return {key[0] if isinstance(key, tuple) else key: text for key, text in texts.items() if not isinstance(key, tuple) or key[1] == 0}


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[\d.]*[a-z]|\{\w+\}", text))


def test_no_text_is_left_untranslated_or_guessed():
    po = (FOLDER / "django.po").read_text()
    assert len(entries()) > 400
    assert [source for source, italian in entries() if not italian] == []
    assert "fuzzy" not in po
    assert "#~" not in po


def test_placeholders_agree():
    assert [source for source, italian in entries() if placeholders(source) != placeholders(italian)] == []


def test_the_compiled_file_says_what_the_readable_one_says():
    compiled = {key.split("\x04")[-1]: text for key, text in singular(catalogue()).items()}
    plain = {source.replace('\\"', '"'): italian.replace('\\"', '"') for source, italian in entries()}
    assert {source: compiled.get(source) for source in plain} == plain


def test_every_text_of_the_sources_is_in_the_catalogue():
    texts = "|".join(re.escape(source) for source, _italian in entries())
    translated = re.compile(f"^(?:{texts})$")
    files = [file for file in PORTAL.rglob("*.html") if "vendor" not in file.parts]
    used = {text for file in files for _quote, text in re.findall(r"""{%\s*translate\s+(["'])(.*?)\1""", file.read_text())}
    assert len(used) > 200
    looked_up = {text: text.replace('"', '\\"').replace("%", "%%") for text in used}  # as Django asks the catalogue: a plain % is never found
    assert [text for text, asked in looked_up.items() if not translated.match(asked)] == []


def python_texts(file: Path) -> set[str]:
    """Every text a Python file hands to gettext."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if getattr(call.func, "id", "") in ("_", "gettext", "gettext_lazy", "ngettext")]
    return {call.args[0].value for call in named if isinstance(call.args[0], ast.Constant)}


def test_every_text_of_the_programs_is_in_the_catalogue():
    translated = {key.split("\x04")[-1] for key in singular(catalogue())}
    used = set().union(*(python_texts(file) for file in PORTAL.rglob("*.py")))
    assert len(used) > 150
    assert used - translated == set()


def bare_words(template: str) -> list[str]:
    """Words that a template shows in English whatever the reader's language."""
    text = re.sub(r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}", "", template, flags=re.DOTALL)
    text = re.sub(r"<(code|svg|kbd)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)
    spoken = " ".join(re.findall(r'\b(?:title|alt|aria-label)="([^"]*)"', text))
    return re.findall(r"[^\W\d_]{2,}", re.sub(r"&\w+;", " ", re.sub(r"<[^<>]*>", " ", text)) + " " + spoken)


def test_no_template_says_a_word_that_is_not_translated():
    same_everywhere = {"Specola", "PDF", "JSON", "CSV", "STIX", "sha", "Enter", "Esc"}
    files = [
        file for file in PORTAL.rglob("*.html") if "vendor" not in file.parts and file.name not in ("500.html", "507.html")
    ]  # both speak both languages at once
    found = {file.name: set(bare_words(file.read_text())) - same_everywhere for file in files}
    assert {name: words for name, words in found.items() if words - {"BB"}} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_no_page_in_italian_holds_an_english_sentence(client, name):
    client.force_login(user("manager@example.org", "manager") if name == "people:list" else administrator())
    text = client.get(reverse(name), headers={"accept-language": "it"}).content.decode()
    different = [source for source, italian in entries() if italian != source and source.count(" ") >= 2 and not placeholders(source)]
    assert len(different) > 200
    assert [source for source in different if source in text] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", "May"), ("it", "Maggio")])
def test_dates_are_said_in_the_chosen_language(client, language, words):
    record(actor="system", verb="test", subject="thing:1")
    AuditRow.objects.update(t=datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC))
    client.force_login(administrator())
    text = client.get(reverse("house:audit"), headers={"accept-language": language}).content.decode()
    assert re.search(rf"4 {words[:3]}\w* 2026", text, re.IGNORECASE)


@pytest.mark.parametrize(("language", "texts"), [("en", "12.5 GB free (25.0 %)"), ("it", "12,5 GB liberi (25,0 %)")])
def test_numbers_are_said_in_the_chosen_language(monkeypatch, language, texts):
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: SimpleNamespace(free=12.5 * 2**30, total=50 * 2**30))
    with translation.override(language):
        assert health.disk().detail == texts


def test_rules_are_shown_in_italian_wherever_they_are_shown():
    english, italian = {}, {}
    for language, found in (("en", english), ("it", italian)):
        with translation.override(language):
            found |= {kind: (rules.label_of(kind), kinds.label_of(kind), *rules.numbers_in_words(kind, {"min_s": 2.5})) for kind in registry.kinds()}
    assert {kind for kind in english if set(english[kind]) & set(italian[kind])} == set()
    assert english["person_in_zone"][2] == "after 2.5 s"
    assert italian["person_in_zone"][2] == "dopo 2,5 s"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_pages_speak_italian(client, name):
    client.force_login(user("manager@example.org", "manager") if name == "people:list" else administrator())
    italian, english = PAGES[name]
    text = client.get(reverse(name), headers={"accept-language": "it"}).content.decode()
    assert 'lang="it"' in text
    assert italian in text
    assert english not in text


MACHINE_READABLE = {"date": r"\d{4}-\d{2}-\d{2}", "number": r"-?\d+(\.\d+)?"}


def fields(text: str) -> list[tuple[str, str]]:
    """Kind and value of each field that a browser reads by its own rules, as far as it holds a value."""
    found = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input\b[^>]*>", text)]
    return [(each["type"], each["value"]) for each in found if each.get("type") in MACHINE_READABLE and each.get("value")]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["people:enrol", "training:console", "training:night"])
def test_fields_hold_what_a_browser_can_read_in_italian_too(client, name):
    person = user("both@example.org", "administrator")
    Membership.objects.create(user=person, role="manager", site=None)
    client.force_login(person)
    found = fields(client.get(reverse(name), headers={"accept-language": "it"}).content.decode())
    assert found
    assert [each for each in found if not re.fullmatch(MACHINE_READABLE[each[0]], each[1])] == []


@pytest.mark.django_db
def test_the_browsers_language_is_taken_before_signing_in(client):
    assert "Accedi" in client.get(reverse("accounts:sign_in"), headers={"accept-language": "it-IT,it;q=0.9"}).content.decode()


@pytest.mark.django_db
def test_a_chosen_language_lasts_on_another_device(client):
    person = user("operator@example.org", "operator")
    client.force_login(person)
    client.post(reverse("accounts:language"), {"language": "it"})
    device = Client(headers={"accept-language": "en"})
    device.post(reverse("accounts:sign_in"), {"username": person.email, "password": PASSWORD})
    assert "Telecamere in diretta" in device.get(reverse("live:wall")).content.decode()


@pytest.mark.django_db
def test_who_chose_no_language_gets_the_browsers(client):
    client.force_login(user("operator@example.org", "operator"))
    assert "Telecamere in diretta" in client.get(reverse("live:wall"), headers={"accept-language": "it"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_choosing_a_language_leads_nowhere_else(client, target):
    assert client.post(reverse("accounts:language"), {"language": "it", "next": target}).url == "/"


def test_counted_words_follow_the_count():
    with translation.override("it"):
        assert translation.ngettext("open alert", "open alerts", 1) == "allarme aperto"
        assert translation.ngettext("open alert", "open alerts", 3) == "allarmi aperti"


def texts_below() -> list[str]:
    """English sentences of the floors below that a page shows."""
    # other test files register tasks too
    ours = [name for name in tasks_of.names() if type(tasks_of.load(name)).__module__.startswith("federated.learning.tasks.")]
    closed = [reason for name in ours if (reason := privacy.why_not_local(name))]
    metrics = [found["metric"] for name in ours if (found := vote_comparison.lab(name))]
    return [*(each.promise for each in plan.STRATEGIES.values()), *(tasks_of.load(name).needs for name in ours), *closed, *metrics]


@pytest.mark.parametrize("sentence", texts_below())
def test_what_strategies_promise_and_tasks_need_is_said_in_italian(sentence):
    assert sentence in dict(entries())


@pytest.mark.parametrize(("sites", "why"), [(2, "richiede almeno 3 telecamere"), (3, "il valore centrale di ogni peso")])
def test_a_closed_strategy_says_why_in_italian(sites, why):
    with translation.override("it"):
        (median,) = [each for each in words.offered(sites, root=False) if each["name"] == "median"]
        (trusting,) = [each for each in words.offered(sites, root=False) if each["name"] == "fltrust"]
    assert why in median["why"]
    assert "richiede un insieme radice" in trusting["why"]
