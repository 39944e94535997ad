"""Every page of a filled portal, in both languages, read as a guard reads it: no keys, codes, raw data or sentences of the other language."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from detectors.rules import registry
from portal.accounts.models import Membership, User
from portal.alerts import kinds
from portal.alerts.models import Alert, Event, HistoryEntry
from portal.core import audit
from portal.house.audit_words import VERBS
from tests.portal.portal_scene import person, signed_in, watch_lawn
from tests.portal.whole_portal import addresses, everything, values_at
from tests.portal.wire import event

pytestmark = pytest.mark.django_db
PO = Path(__file__).resolve().parents[2] / "portal" / "locale" / "it" / "LC_MESSAGES" / "django.po"
UNREAD = {"script", "style", "template", "code", "kbd", "pre"}  # programs and what is typed or copied letter by letter: hashes, commands, addresses
ALOUD = ("alt", "title", "placeholder", "aria-label")
KEYS = {
    "a key": r"\b[a-z]+(?:_[a-z0-9]+)+\b",
    "an id": r"\b(?:user|camera|agent|alert|site|person|run|model|case):[0-9a-f]+\b",
    "a short name": r"\b(?:fltrust|fedavg|fedprox|cllr|fpir|eer|auc)\b",
    "a mode without its words": r"^\s*M[0-3]\s*$",
    "raw data": r"[{\[]\s*[\"'][^\"']*[\"']\s*[:,\]]|\{\}|\[\]",
    "Python": r"\b(?:None|True|False|NaN|nan)(?=$|[,;)\]}])|\bdatetime\.|<class|<function|\bTraceback\b",  # "False alarm", "None: ..." are English
    "a code": r"\b[A-Z]{2,}_[A-Z_]+\b",
}
WITH_TERMS = {"training:console", "training:night"}  # the training pages give the field's term beside the plain name, and as a choice's value


class Words(HTMLParser):
    """The texts of a page that a person sees, or a screen reader speaks."""

    def __init__(self, aloud: bool) -> None:
        super().__init__()
        self._aloud = ALOUD if aloud else ()
        self.texts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in self._aloud and value]
        if tag in UNREAD:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD and tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside and data.strip():
            self.texts.append(" ".join(data.split()))


def read(html: str, *, aloud: bool = True) -> list[str]:
    words = Words(aloud)
    words.feed(html)
    return words.texts


def untranslated() -> set[str]:
    """The texts of the catalogue, without placeholders, that read differently in Italian."""
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', PO.read_text(), re.MULTILINE)
    return {source.replace('\\"', '"').replace("%%", "%") for source, italian in pairs if source != italian and "%(" not in source and " " in source}


@pytest.fixture
def filled():
    """One of everything, an alert of each kind, and a row of the audit log of each verb."""
    found = everything()
    watch_lawn(found.camera)
    now = timezone.now()
    for n, (kind, _label) in enumerate(kinds.alerting()):
        about = None if kind in kinds.HOUSE else found.camera
        alert = Alert.objects.create(camera=about, kind=kind, opened=now, last_t=now, changed=now, count=1, score=0.5, demo=n == 0)
        HistoryEntry.objects.create(alert=alert, author=found.user, verb=HistoryEntry.Verb.RESOLVED, detail="false_alarm")
        if about and registry.raises_alert(kind):
            sent = event(site=found.site.slug, camera=about.slug, seq=n, kind=kind)
            row = Event(
                id=sent["id"], camera=about, alert=alert, t=now, received=now, seq=n, kind=kind, score=0.5, legal_mode="M1", models={"people": "a" * 64}
            )
            row.save()
            Alert.objects.filter(pk=alert.pk).update(last=row)
    for verb in VERBS:
        audit.record(actor=found.user, verb=verb, subject=f"camera:{found.camera.pk}", site=found.site.slug, data={"kept_days": 5})
    reader = person("reader@a.example", "operator")
    for role in ("manager", "administrator"):
        Membership.objects.create(user=reader, role=role)
    cache.clear()
    return found, reader


def pages(found):
    """The address and name of every page; of alerts one of each kind."""
    for address in addresses():
        if address.machine or address.name.startswith("api:") or address.pattern.startswith("api/"):
            continue
        yield address.name, address.path(values_at(address, found))
    for pk in Alert.objects.values_list("pk", flat=True):
        yield "alerts:alert", f"/alerts/{pk}/"
    yield "house:audit", "/audit/?page=2"


def test_no_page_shows_keys_codes_or_the_other_languages_sentences(filled):
    found, reader = filled
    offences, looked_at, english = set(), set(), untranslated()
    for language in ("en", "it"):
        User.objects.filter(pk=reader.pk).update(language=language)
        client = signed_in(reader)
        for name, path in pages(found):
            answer = client.get(path, headers={"Accept-Language": language})
            if answer.status_code != 200 or not answer.get("Content-Type", "").startswith("text/html"):
                continue
            looked_at.add(name)
            for text in read(answer.content.decode(), aloud=name != "house:audit"):  # there the technical word is kept as a row's title
                patterns = {} if name in WITH_TERMS else KEYS
                offences |= {(name, what, text[:90]) for what, pattern in patterns.items() if re.search(pattern, text)}
                if language == "it" and text in english:
                    offences.add((name, "English", text[:90]))
    assert not offences, "\n".join(map(str, sorted(offences)))
    assert len(looked_at) > 30
