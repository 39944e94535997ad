"""Names of accounts: on the page, never in what leaves the house, unless two people agree; pseudonyms last within a case and need the key."""

from __future__ import annotations

import json
import random
import re

import pytest
from alert_scene import scene
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from portal.analysis import actions, case_actions, leaving, packs, pdf, tasks
from portal.analysis.models import Case, CaseState, NamesAnswer
from portal.analysis.pseudonyms import Pseudonyms
from portal.core import media
from portal.core.models import AuditRow
from tests.portal.portal_scene import person, problems, signed_in
from tests.portal.posts_scene import NAMES, body, examined_posts
from tests.portal.test_portal_analysis import file
from tests.portal.test_portal_analysis_pack import checked, exported, unpacked

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    return scene()


@pytest.fixture
def case(at) -> Case:
    found = examined_posts(at.operator, at.site)
    assert found.state == CaseState.DONE
    return found


def everything_that_leaves(case: Case, tmp_path, query: str = "") -> dict[str, str]:
    client = signed_in(case.opened_by)
    names = [each["name"] for each in case.report["evidence"] if each["kind"] == "table"]
    found = {name: body(client, reverse("analysis:table", args=[case.pk, name]) + query) for name in names}
    found["report.json"] = body(client, reverse("api:report-json", args=[case.pk]) + query)
    found["api"] = body(client, reverse("api:case", args=[case.pk]))
    found["pdf"] = json.dumps(pdf.document(leaving.outside(case, with_names=bool(query)), tmp_path), ensure_ascii=False)
    return found


def agree(case: Case, first, second, answers=(True, True)) -> None:
    for who, agrees in zip((first, second), answers, strict=True):
        case_actions.answer_names(user=who, case_id=case.pk, agrees=agrees, reason="The prosecutor asks for it")


def test_the_page_shows_the_names_and_nothing_that_leaves_does(case, tmp_path):
    page = body(signed_in(case.opened_by), reverse("analysis:case", args=[case.pk]))
    assert all(name in page.lower() for name in NAMES if name != "anna rossi")
    left = everything_that_leaves(case, tmp_path) | {path: each.decode("utf-8", "replace") for path, each in unpacked(exported(case)).items()}
    left = {path: text for path, text in left.items() if not path.endswith(".pdf")}
    assert {(path, name) for path, text in left.items() for name in NAMES if name in text.lower()} == set()
    words = {path: set(re.findall(r"account-[0-9a-f]{12}", text)) for path, text in left.items()}
    assert len(words["accounts"]) == 5
    assert words["accounts"] <= words["report.json"] == words["api"] == words["data/report/report.json"]
    assert words["accounts"] <= words["pdf"]


def test_a_report_of_before_names_were_listed_leaves_without_them_too(case, tmp_path):
    del case.report["names"]
    case.save()
    left = everything_that_leaves(case, tmp_path)
    assert [(path, name) for path, text in left.items() for name in NAMES if name.startswith("hand") and name in text] == []
    assert "account-" in left["report.json"]


def test_a_pack_without_names_holds_without_the_files_that_came_in(case):
    content = exported(case)
    files = unpacked(content)
    assert not [path for path in files if path.startswith("data/inputs/")]
    described = json.loads(files["data/case.json"])
    assert (described["pseudonymised"], [each["path"] for each in described["inputs"]]) == (True, [""])
    assert described["inputs"][0]["sha256"] == case.files.get().sha256
    broken, others = checked(content)
    assert broken == []
    assert any("they hold names of people" in each for each in others)
    assert AuditRow.objects.get(verb="case.exported").data["names"] is False


def test_two_people_who_agree_let_the_names_out_and_the_files(case, at, tmp_path):
    with pytest.raises(ValidationError, match="Two people must agree"):
        case_actions.export_case(user=at.operator, case_id=case.pk, reason="x", with_names=True)
    agree(case, at.operator, at.manager)
    assert "hand_0" not in everything_that_leaves(case, tmp_path)["report.json"]
    left = everything_that_leaves(case, tmp_path, "?names=1")
    assert [path for path in ("report.json", "pdf", "accounts", "groups") if "hand_0" not in left[path]] == []
    assert "hand_0" not in left["api"]
    pack = case_actions.export_case(user=at.operator, case_id=case.pk, reason="For the prosecutor", with_names=True)
    content = b"".join(packs.stream(pack))
    assert b"hand_0" in unpacked(content)["data/inputs/001-Pasted-text"]
    assert checked(content)[0] == []
    verbs = list(AuditRow.objects.filter(subject=f"case:{case.pk}").order_by("seq").values_list("verb", flat=True))
    assert verbs.count("case.names_answered") == 2
    concluded = AuditRow.objects.get(verb="case.names_concluded").data
    assert (concluded["released"], [each["agrees"] for each in concluded["conclusions"]]) == (True, [True, True])
    read = AuditRow.objects.filter(verb="case.file_read").values_list("data__file", flat=True)
    assert {"JSON", "JSON, with names", "accounts.csv, with names"} <= set(read)


@pytest.mark.parametrize("answers", [(True, False), (False, True)])
def test_one_no_keeps_the_names_in(case, at, answers):
    agree(case, at.operator, at.manager, answers)
    with pytest.raises(ValidationError, match="Two people must agree"):
        case_actions.export_case(user=at.operator, case_id=case.pk, reason="x", with_names=True)
    client = signed_in(at.operator)
    assert client.get(reverse("api:report-json", args=[case.pk]) + "?names=1").status_code == 400
    assert client.get(reverse("analysis:table", args=[case.pk, "accounts"]) + "?names=1").status_code == 422
    assert "leaves with pseudonyms" in body(client, reverse("analysis:case", args=[case.pk]))


def test_each_answers_alone_once_and_sealed_until_the_other_has(case, at):
    client, address = signed_in(at.operator), reverse("analysis:names", args=[case.pk])
    assert client.post(address, {"agrees": "maybe", "names_because": "x"}).status_code == 422
    assert client.post(address, {"agrees": "yes", "names_because": " "}).status_code == 422
    assert client.post(address, {"agrees": "yes", "names_because": "For the prosecutor"}).status_code == 302
    with pytest.raises(ValidationError, match="another person's"):
        case_actions.answer_names(user=at.operator, case_id=case.pk, agrees=True, reason="again")
    other = body(signed_in(at.manager), reverse("analysis:case", args=[case.pk]))
    assert "Sealed until the second answer" in other
    assert "For the prosecutor" not in other
    assert "prosecutor" not in json.dumps(list(AuditRow.objects.filter(subject=f"case:{case.pk}").values_list("data", flat=True)))
    case_actions.answer_names(user=at.manager, case_id=case.pk, agrees=True, reason="Agreed")
    with pytest.raises(ValidationError, match="Two people have answered"):
        case_actions.answer_names(user=person("third@x.example", "manager", at.site), case_id=case.pk, agrees=True, reason="late")
    assert "may leave with names" in body(signed_in(at.manager), reverse("analysis:case", args=[case.pk]))


def test_who_may_not_answer(at, case):
    with pytest.raises((PermissionDenied, Case.DoesNotExist)):
        case_actions.answer_names(user=person("foreign@x.example"), case_id=case.pk, agrees=True, reason="x")
    alone = examined_posts(at.operator)
    with pytest.raises(ValidationError) as refused:
        case_actions.answer_names(user=at.operator, case_id=alone.pk, agrees=True, reason="x")
    assert "nobody else can answer" in problems(refused)


def test_the_other_text_tools_leave_without_names_too(at, tmp_path):
    text = "account,text\n" + "\n".join(
        f"hand_{n % 2},Read what @Giulia.Neri and hand_{n} wrote about the tower today https://x.com/hand_0/status/7 friends of mine" for n in range(8)
    )
    for tool, written in (
        ("machine-text", text),
        ("persuasion-check", "They all lie! Only @Giulia.Neri and giulia@posta.example tell the truth about the tower."),
    ):
        case = examined_posts(at.operator, at.site, tool, written)
        left = everything_that_leaves(case, tmp_path)
        assert [(path, name) for path, each in left.items() for name in ("hand_0", "hand_1", "giulia") if name in each.lower()] == [], tool
        assert "account-" in left["report.json"]
        assert all(0 <= span["start"] < span["end"] for each in json.loads(left["report.json"])["evidence"] for span in each.get("spans", ()))


def test_what_holds_no_posts_leaves_as_before(at):
    case = actions.open_case(user=at.operator, files=[file("a.jpg")], site=at.site)
    tasks.run_case(case_id=case.pk)
    case.refresh_from_db()
    assert leaving.outside(case) is case
    with pytest.raises(ValidationError, match="Nothing in this case"):
        case_actions.answer_names(user=at.operator, case_id=case.pk, agrees=True, reason="x")


def test_what_a_case_keeps_goes_with_it_and_is_held_until_then(case, at):
    agree(case, at.operator, at.manager)
    sha256 = case.files.get().sha256
    assert media.held([sha256], by="cases") == {sha256}
    Case.objects.filter(pk=case.pk).delete()
    assert media.held([sha256]) == set()
    assert not NamesAnswer.objects.exists()


KEY = "of this installation"


def test_a_pseudonym_is_the_same_within_a_case_and_another_elsewhere():
    here = Pseudonyms(KEY, 7, ["anna"])
    assert here.of("anna") == here.of("@Anna") == Pseudonyms(KEY, 7, []).of("anna")
    assert len({here.of("anna"), here.of("bruno"), Pseudonyms(KEY, 8, []).of("anna"), Pseudonyms("another", 7, []).of("anna")}) == 4


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("RT @anna: ciao", "RT @ANNA: ciao"),
        ("says anna. And Anna-Bruno, annabella", "says ANNA. And ANNA-Bruno, annabella"),
        ("anna rossi and ANNA ROSSI!", "SPACED and SPACED!"),
        ("https://x.com/someone/status/9?s=1 and https://www.facebook.com/some.one", "https://x.com/… and https://www.facebook.com/…"),
        ("https://comune.example/anna/x", "https://comune.example/ANNA/x"),
        ("write to la.torre@posta.example", "write to MAIL"),
        ("@anna@social.example, 2026 and la", "@FEDERATED, 2026 and la"),
        ("number 1234567", "number NUMBER"),
        ("mai@2 or a @ b", "mai@2 or a @ b"),
    ],
)
def test_names_inside_post_texts(text, left):
    found = Pseudonyms(KEY, 1, ["anna", "Anna Rossi", "la", "2026", "1234567"])
    words = {
        "ANNA": "anna",
        "SPACED": "anna rossi",
        "MAIL": "la.torre@posta.example",
        "FEDERATED": "anna@social.example",
        "NUMBER": "1234567",
    }
    for word, name in words.items():
        left = left.replace(word, found.of(name))
    assert found.text(text) == left


@pytest.mark.parametrize("seed", range(20))
def test_marks_stay_at_their_words(seed):
    drawn = random.Random(seed)
    here = Pseudonyms(KEY, 1, ["anna", "anna rossi"])
    for _ in range(20):
        text = " ".join(drawn.choices(["anna", "@bruno", "says", "x@y.example", "!", "più", "anna rossi"], k=drawn.randint(2, 12))) + "."
        spans = [sorted(drawn.sample(range(len(text) + 1), 2)) for _ in range(3)]
        changed, moved = here.marked(text, spans)
        assert changed == here.text(text)
        for (start, end), (left, right) in zip(spans, moved, strict=True):
            assert 0 <= left < right <= len(changed)
            assert [word for word in ("says", "più", "!") if word in text[start:end] and word not in changed[left:right]] == []
