"""The memory for facts: who may write and approve, what is refused, two people at once, and a release beside a site's own edits."""

from __future__ import annotations

import dataclasses
import shutil
import threading

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from portal.core.models import AuditRow
from portal.facts import actions, content, queries, retrieval, shipped
from portal.facts.content import Citation
from portal.facts.models import Decision, Fact, FactVersion
from tests.portal import facts_scene
from tests.portal.facts_scene import TEXT
from tests.portal.portal_scene import person, problems


@pytest.fixture
def archive(db):
    return facts_scene.archive()


def changed(fact: Fact, **changes):
    return dataclasses.replace(content.of_version(fact.current), **changes)


def found(text: str) -> list[str]:
    return [each.fact.key for each in retrieval.find(text)]


def verbs() -> list[str]:
    return list(AuditRow.objects.filter(verb__startswith="fact").values_list("verb", flat=True))


def test_a_proposal_is_in_use_only_when_somebody_else_approves(archive):
    version = actions.propose(user=archive.writer, text=TEXT, note="for the press office")
    assert found("the Luminara of June") == []
    assert (version.fact.key, queries.state_of(version)) == ("feast-of-san-ranieri", "waiting")
    actions.approve(user=archive.manager, version_id=version.pk)
    assert found("the Luminara of June") == ["feast-of-san-ranieri"]
    assert verbs() == ["facts.shipped", "fact.proposed", "fact.approved"]
    assert AuditRow.objects.get(verb="fact.approved").data["sha256"] == TEXT.sha256()


def test_nobody_approves_what_they_wrote_and_nobody_decides_twice(archive):
    version = actions.propose(user=archive.manager, text=TEXT)
    with pytest.raises(ValidationError) as refused:
        actions.approve(user=archive.manager, version_id=version.pk)
    assert "somebody else" in problems(refused)
    actions.approve(user=archive.administrator, version_id=version.pk)
    for decide in (lambda: actions.approve(user=archive.administrator, version_id=version.pk), lambda: refuse(archive.administrator, version)):
        with pytest.raises(ValidationError) as again:
            decide()
        assert "decided already" in problems(again)


def refuse(user, version, reason="no such source"):
    return actions.refuse(user=user, version_id=version.pk, reason=reason)


def test_roles(archive):
    version = actions.propose(user=archive.writer, text=TEXT)
    other = person("second@facts.example", "operator")
    nobody = person("nobody@facts.example")
    for refused in (
        lambda: actions.approve(user=other, version_id=version.pk),
        lambda: refuse(other, version),
        lambda: actions.propose(user=nobody, text=TEXT),
        lambda: actions.propose_retirement(user=nobody, fact_id=archive.fact("ides").pk, base=None, note="x"),
        lambda: refuse(nobody, version),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    assert list(queries.facts(nobody)) == []
    assert not queries.may_approve(other, version)
    assert queries.may_approve(archive.manager, version)
    with pytest.raises(ValidationError, match="reason"):
        refuse(archive.manager, version, reason=" ")
    assert refuse(archive.manager, version).decision.outcome == "refused"
    own = actions.propose(user=archive.writer, text=TEXT)
    assert refuse(archive.writer, own, reason="").decision.outcome == "withdrawn"


def test_a_change_needs_the_version_in_use_and_is_refused_when_another_came_first(archive):
    fact = archive.fact("galileo")
    first, second = (
        actions.propose(user=archive.writer, fact_id=fact.pk, base=fact.current_id, text=changed(fact, statement_en=statement))
        for statement in ("He was born in Pisa.", "He was born in 1564.")
    )
    actions.approve(user=archive.manager, version_id=first.pk)
    with pytest.raises(ValidationError) as late:
        actions.approve(user=archive.manager, version_id=second.pk)
    assert "came into use since" in problems(late)
    with pytest.raises(ValidationError) as old:
        actions.propose(user=archive.writer, fact_id=fact.pk, base=second.base_id, text=changed(fact, statement_en="x"))
    assert "while you wrote" in problems(old)
    assert archive.fact("galileo").current == first
    with pytest.raises(ValidationError, match="different"):
        actions.propose(user=archive.writer, fact_id=fact.pk, base=first.pk, text=content.of_version(first))


def test_a_fact_is_retired_by_two_and_can_come_back(archive):
    fact = archive.fact("galileo")
    with pytest.raises(ValidationError, match="reason"):
        actions.propose_retirement(user=archive.writer, fact_id=fact.pk, base=fact.current_id, note="")
    version = actions.propose_retirement(user=archive.writer, fact_id=fact.pk, base=fact.current_id, note="wrong person")
    assert found("Galileo") == ["galileo"]
    actions.approve(user=archive.manager, version_id=version.pk)
    assert found("Galileo") == []
    with pytest.raises(ValidationError, match="not in use"):
        actions.propose_retirement(user=archive.writer, fact_id=fact.pk, base=version.pk, note="again")
    back = actions.propose(user=archive.writer, fact_id=fact.pk, base=version.pk, text=content.of_version(version))
    actions.approve(user=archive.manager, version_id=back.pk)
    assert found("Galileo") == ["galileo"]


WRONG = {
    "kind": {"kind": "rumour"},
    "name_en": {"name_en": "x" * 201},
    "name_it": {"name_it": "!?"},
    "statement_en": {"statement_en": " "},
    "statement_it": {"statement_it": "x" * 4001},
    "begins": {"begins": "1944-02-31"},
    "ends": {"ends": "1687"},
    "sources": {"sources": ()},
    "aliases": {"aliases": ("...",)},
    "tags": {"tags": ("two words",)},
}


@pytest.mark.parametrize("field", WRONG)
def test_bad_input_is_refused_by_field_and_nothing_is_kept(archive, field):
    before = Fact.objects.count()
    with pytest.raises(ValidationError) as refused:
        actions.propose(user=archive.writer, text=dataclasses.replace(TEXT, **WRONG[field]))
    assert list(refused.value.message_dict) == [field]
    assert Fact.objects.count() == before


@pytest.mark.parametrize("source", [Citation("", "T", "1987"), Citation("A", "", "1987"), Citation("A", "T"), Citation("A", "T", "1987", "x" * 501)])
def test_a_source_names_who_what_and_when_or_where(archive, source):
    with pytest.raises(ValidationError) as refused:
        actions.propose(user=archive.writer, text=dataclasses.replace(TEXT, sources=(source,)))
    assert list(refused.value.message_dict) == ["sources"]


def test_versions_and_decisions_are_never_changed(archive):
    version = actions.propose(user=archive.writer, text=TEXT)
    with pytest.raises(TypeError):
        version.save()
    actions.approve(user=archive.manager, version_id=version.pk)
    for rows, change in ((FactVersion.objects.filter(pk=version.pk), {"note": "x"}), (Decision.objects.all(), {"reason": "x"})):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            rows.update(**change)


def test_two_facts_of_one_name_get_keys_of_their_own(archive):
    keys = [actions.propose(user=archive.writer, text=TEXT).fact.key for _ in range(3)]
    assert keys == ["feast-of-san-ranieri", "feast-of-san-ranieri-2", "feast-of-san-ranieri-3"]
    assert actions.propose(user=archive.writer, text=dataclasses.replace(TEXT, name_en="圣拉涅利")).fact.key == "fact"


def test_shipping_again_changes_nothing_and_a_newer_release_leaves_a_sites_own_words(archive, tmp_path):
    assert dataclasses.asdict(shipped.load(facts_scene.SEEDS)) == {"added": 0, "changed": 0, "same": 10, "kept": 0}
    fact = archive.fact("galileo")
    assert (fact.current.shipped, fact.current.checked) == (True, False)
    own = actions.propose(user=archive.writer, fact_id=fact.pk, base=fact.current_id, text=changed(fact, statement_en="Ours."))
    actions.approve(user=archive.manager, version_id=own.pk)
    retired = archive.fact("duce")
    leave = actions.propose_retirement(user=archive.writer, fact_id=retired.pk, base=retired.current_id, note="no")
    actions.approve(user=archive.manager, version_id=leave.pk)
    mine = actions.propose(user=archive.writer, text=TEXT, key="new-one")
    newer = (
        (facts_scene.SEEDS / "square.csv")
        .read_text()
        .replace("1633", "1633 and later")
        .replace("Latin for", "Old word for")
        .replace("killed in", "murdered in")
    )
    (tmp_path / "a.csv").write_text(newer.replace("ides,date", "new-one,date,X,X,,X,X,,,A,T,1987,W,\nides,date", 1))
    assert dataclasses.asdict(shipped.load(tmp_path)) == {"added": 0, "changed": 1, "same": 7, "kept": 3}
    assert archive.fact("galileo").current.statement_en == "Ours."
    assert archive.fact("duce").retired
    assert archive.fact("new-one").current is None
    assert mine.fact.key == "new-one"
    assert "murdered" in archive.fact("ides").current.statement_en
    assert archive.fact("ides").versions.count() == 2


def test_a_wrong_release_takes_nothing_in_and_names_the_place(db, tmp_path):
    shutil.copy(facts_scene.SEEDS / "square.csv", tmp_path / "a.csv")
    bad = (tmp_path / "a.csv").read_text().replace("galileo,person", "galileo,planet").replace("1564-02-15", "soon")
    (tmp_path / "b.csv").write_text(bad)
    with pytest.raises(CommandError) as refused:
        call_command("load_facts", folder=tmp_path)
    assert "b.csv, line 6, kind: Choose a kind." in str(refused.value)
    assert "b.csv, line 6, from: Give a year" in str(refused.value)
    assert not Fact.objects.exists()
    (tmp_path / "b.csv").write_text((tmp_path / "a.csv").read_text())
    with pytest.raises(shipped.BadRelease, match=r"stands in a\.csv too"):
        shipped.load(tmp_path)


def test_what_this_release_ships_is_right(db):
    rows = shipped.rows_of()
    done = shipped.load()
    assert done.added == len(rows)
    assert shipped.load().same == len(rows)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does(request):
    archive = facts_scene.archive()
    version = actions.propose(user=archive.writer, text=TEXT)
    start, outcomes = threading.Barrier(2), []

    def decide(act):
        try:
            start.wait()
            act()
            outcomes.append("done")
        except ValidationError as error:
            outcomes.append(" ".join(error.messages))
        finally:
            connection.close()

    acts = (lambda: actions.approve(user=archive.manager, version_id=version.pk), lambda: refuse(archive.administrator, version))
    threads = [threading.Thread(target=decide, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["This has been decided already.", "done"]
    assert Decision.objects.count() == 1
