"""Posts out of every usual form, what comes again, who posts in time with whom, and a fan club that the null model acquits."""

from __future__ import annotations

import datetime
import functools
import json
import math

import numpy as np
import pytest

import detectors
from detectors import BadInput, inputs, posts
from detectors.__main__ import main
from detectors.attacks import campaigns
from detectors.campaign import answers, coordination, duplicates, view
from detectors.messages import LANGUAGES, worded
from detectors.posts import Posts

NOON = datetime.datetime(2026, 9, 1, 12, 0, tzinfo=datetime.UTC).timestamp()
ROWS = [("La torre è aperta", "anna", "2026-09-01T12:00:00"), ("Closed, she said; “again”", "bruno", "2026-09-01T12:00:30"), ("Ciao 👋", "anna", "2026-09-02")]


def csv_of(separator: str, head: str = "text,account,time") -> str:
    rows = [head.split(","), *ROWS]
    return "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows) + "\n"


def json_of(lines: bool) -> str:
    rows = [{"content": text, "author": {"screen_name": f"@{account}"}, "created_at": time} for text, account, time in ROWS]
    return "\n".join(map(json.dumps, rows)) if lines else json.dumps({"data": rows})


def read(tmp_path, content: str | bytes) -> Posts:
    file = tmp_path / "posts"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert inputs.media_of(file) >= {"table", "text"}
    return posts.read(file)


@pytest.mark.parametrize(
    "content",
    [
        csv_of(","),
        csv_of(";"),
        csv_of("\t"),
        csv_of("|"),
        csv_of(";", "Testo,Utente,Data e ora"),
        "\ufeff" + csv_of(","),
        csv_of(";").encode("utf-16"),
        csv_of(",").replace("\n", "\r\n"),
        json_of(lines=False),
        json_of(lines=True),
    ],
    ids=["comma", "semicolon", "tab", "bar", "italian", "bom", "utf-16", "crlf", "json", "jsonl"],
)
def test_every_usual_form_gives_the_same_posts(tmp_path, content):
    found = read(tmp_path, content)
    assert found.texts == tuple(text for text, _, _ in ROWS)
    assert found.accounts.tolist() == ["anna", "bruno", "anna"]
    assert found.times.tolist() == [NOON, NOON + 30, NOON + 43200]


@pytest.mark.parametrize(
    "written",
    [
        "2026-09-01T12:00:00Z",
        "2026-09-01 14:00:00+02:00",
        f"{NOON:.0f}",
        f"{1000 * NOON:.0f}",
        "Tue Sep 01 12:00:00 +0000 2026",
        "Tue, 01 Sep 2026 12:00:00 +0000",
        "01/09/2026 12:00",
        "01/09/2026, 12:00:00",
        "01.09.2026 12:00:00",
    ],
)
def test_dates_as_people_write_them(written):
    assert posts.moments([written]).tolist() == [NOON]


def test_a_column_of_dates_is_read_in_the_one_form_that_fits_most():
    found = posts.moments(["03/04/2026 10:00", "04/25/2026 10:00", "04/26/2026 10:00"])
    assert [datetime.datetime.fromtimestamp(t, datetime.UTC).month for t in found] == [3, 4, 4]
    assert np.isnan(posts.moments(["yesterday", "", None])).all()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("time,account\n2026-09-01,anna\n", "no column holds the text"),
        ('[{"text": "a"}, {"tex', "line 1: this begins like JSON"),
        ('{"text": "a"}\n{"text": \n', "line 2: this begins like JSON"),
        ("\n \n", "no text in it"),
        ('text,account\n"' + "x" * 200_000 + '",anna\n', "line 2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_line_in_both_languages(tmp_path, content, why):
    (tmp_path / "posts.csv").write_text(content)
    with pytest.raises(BadInput, match=why) as refused:
        posts.read(tmp_path / "posts.csv")
    assert worded(refused.value.message, "it") != worded(refused.value.message, "en")


def test_broken_utf_8_is_refused_with_its_line(tmp_path):
    (tmp_path / "posts.csv").write_bytes(b"text,account\nciao,anna\nperch" + b"\xe9,bruno\n")
    with pytest.raises(BadInput, match="line 3"):
        posts.read(tmp_path / "posts.csv")


def test_rows_without_text_or_of_another_width_are_counted_and_lines_without_a_head_are_posts(tmp_path):
    found = read(tmp_path, "text,account\nuno,anna\n,bruno\ndue,bruno,?\ntre,carla\n")
    assert (found.texts, found.dropped) == (("uno", "tre"), 2)
    pasted = read(tmp_path, "The tower is closed, they say\nReally? Who says that, please\n")
    assert (len(pasted), set(pasted.accounts.tolist()), np.isnan(pasted.times).all()) == (2, {""}, True)


def test_nearly_equal_texts_are_one_group_whatever_was_hung_on_them():
    texts = [
        "The council sold the square by night, read the contract before it is gone",
        "RT @somebody: The council SOLD the square by night, read the contract before it is gone!! https://example.org/a",
        "The coun\u200bcil sold the square by night, read the contract before it is gone 🔥",
        "The council bought new benches for the square, and they are comfortable",
        "Good morning!",
        "Good morning!",
    ]
    assert duplicates.text_groups(texts).tolist() == [0, 0, 0, -1, -1, -1]
    assert duplicates.link_groups(["see https://a.org/x?utm=1", "(https://A.org/x/)", "https://a.org/y", "none"]).tolist() == [0, 0, -1, -1]
    assert duplicates.text_groups([]).tolist() == []


def rows_of(moments: dict[int, list[float]], item: int = 0) -> tuple[np.ndarray, ...]:
    accounts = np.array([account for account, times in moments.items() for _ in times])
    times = np.array([t for each in moments.values() for t in each], float)
    return np.full(len(times), item), accounts, times, np.arange(len(times))


def test_accounts_that_meet_again_and_again_are_a_set_and_one_who_comes_late_is_not():
    begins = [3600.0 * n for n in range(8)]
    moments = {account: [t + 5 * account for t in begins] for account in range(4)} | {4: [t + 1200 for t in begins]}
    found = coordination.find(*rows_of(moments))
    assert found.sets == ((0, 1, 2, 3),)
    assert found.joined.tolist() == [8, 8, 8, 8, 0]
    pair = next(each for each in found.pairs if each.accounts == (0, 1))
    assert pair.together == 8
    assert pair.expected == pytest.approx(8 * 0.033, rel=0.5)  # two uniform draws of an hour lie within a minute of each other once in thirty times


def test_people_who_write_all_evening_meet_as_often_as_chance_says():
    rng = np.random.default_rng(0)
    moments = {account: sorted(rng.uniform(0, 7200, 40).tolist()) for account in range(12)}
    found = coordination.find(*rows_of(moments))
    assert max(each.together for each in found.pairs) if found.pairs else True
    assert (found.tested, found.sets) == (66, ())


def test_two_meetings_or_nothing_at_all_prove_nothing():
    assert coordination.find(*rows_of({0: [0, 9000], 1: [1, 9001], 2: [2, 9002]})).sets == ()
    empty = coordination.find(*(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0, int)))
    assert (empty.pairs, empty.sets, empty.tested) == ((), (), 0)


def test_a_storm_of_one_item_in_one_minute_is_counted_in_bounded_time():
    rng = np.random.default_rng(0)
    found = coordination.find(*rows_of({account: rng.uniform(0, 60, 2).tolist() for account in range(2000)}), draws=2)
    assert found.sets == ()


@functools.cache
def hidden() -> tuple[list[tuple[str, str, float]], dict[str, str]]:
    """A campaign and a fan club among texts of drawn words."""
    rng = np.random.default_rng(5)
    words = ["".join(rng.choice(list("abcdefghilmnoprstuvz"), int(rng.integers(3, 9)))) for _ in range(4000)]
    return campaigns.make([" ".join(rng.choice(words, int(rng.integers(4, 20)))) for _ in range(8000)], seed=7)


def test_the_campaign_is_found_and_the_fan_club_is_acquitted():
    made, kinds = hidden()
    found = view.look(Posts(tuple(each[0] for each in made), np.array([each[1] for each in made]), np.array([each[2] for each in made]), {}))
    names = {found.names[number] for number in found.coordination.accounts}
    assert {kinds[name] for name in names} == {"campaign"}
    assert len(names) >= 38
    assert found.share(found.names.index("campaign_00"))[0] > 0.3


def table(tmp_path, rows) -> str:
    rows = ["text,account,time", *(f'"{text}",{account},{datetime.datetime.fromtimestamp(t, datetime.UTC).isoformat()}' for text, account, t in rows)]
    (tmp_path / "posts.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "posts.csv")


def test_the_report_names_accounts_with_intervals_texts_and_days(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "MOST_TEXTS", 60)
    report = detectors.load("campaign").report([table(tmp_path, hidden()[0])], lambda share, stage: None)
    assert (report.verdict.label.code, report.verdict.band) == ("campaign-found", "suspicious")
    assert report.verdict.label.params["count"] >= 38
    assert all(worded(reason, language) for reason in report.verdict.reasons for language in LANGUAGES)
    shown = {each.name: each for each in report.evidence}
    accounts, groups, days, others = (shown[name] for name in ("accounts", "groups", "days", "others"))
    assert {row[1][:8] for row in accounts.rows} == {"campaign"}
    assert 0 < accounts.rows[0][5].params["low"] < accounts.rows[0][5].params["share"] <= accounts.rows[0][5].params["high"]
    assert groups.rows[0][2] >= groups.rows[-1][2]
    assert sum(days.series[0].y) == report.parts[0].value("posts") == len(hidden()[0])
    assert {row[6].code for row in accounts.rows} | {row[2].code for row in others.rows} <= {"campaign-machine-score", "campaign-machine-cannot-say"}
    assert any(row[6].code == "campaign-machine-cannot-say" for row in accounts.rows)
    first = next(row for row in groups.rows if row[5].startswith("campaign"))
    assert (first[1].code, first[4] > 3, first[4] <= first[3] <= first[2], first[6] <= first[7]) == ("campaign-kind-text", True, True, True)
    assert {first[5], accounts.rows[0][1], others.rows[0][0]} <= set(report.names)
    examined = next(each for each in report.parts if each.name == "techniques")
    assert (examined.value("drawn"), examined.value("different") > 4000) == (60, True)
    assert {"machine-text", "persuasion-check"} == set(report.models)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("text\nuno due tre\nquattro\n", "campaign-no-accounts"),
        ("text,account\nuno due tre,anna\nquattro,bruno\n", "campaign-no-times"),
        ("text,account,time\nuno,anna,2026-09-01\ndue,bruno,2026-09-01\n", "campaign-few"),
        ("👋\n", "campaign-no-accounts"),
    ],
)
def test_what_cannot_be_concluded_is_no_verdict(tmp_path, content, reason):
    (tmp_path / "posts.csv").write_text(content)
    report = detectors.load("campaign").report([tmp_path / "posts.csv"], lambda share, stage: None)
    assert (report.verdict.label.code, report.verdict.band) == ("campaign-cannot-say", "unsure")
    assert reason in [each.code for each in report.verdict.reasons]


def test_the_evaluator_measures_it_beside_plain_rivals(tmp_path, capsys):
    made, kinds = hidden()
    table(tmp_path, made)
    (tmp_path / "accounts.csv").write_text("account,kind\n" + "".join(f"{name},{kind}\n" for name, kind in kinds.items()))
    assert main(["evaluate", "campaign", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["metrics"]["precision"]["value"] == 1
    assert answer["metrics"]["found_fan"]["value"] == 0
    assert answer["rivals"]["same_item_any_time"]["found_fan"]["value"] > 0.9
    (tmp_path / "accounts.csv").write_text("account,kind\nanna,person\n")
    assert main(["evaluate", "campaign", str(tmp_path)]) == 2
    assert "accounts.csv, line 2" in capsys.readouterr().err


def test_times_that_are_no_dates_do_not_count():
    assert all(math.isnan(each) for each in posts.moments(["-5", "0", "1e99", "nan", "99999999999999999999"]))


@pytest.mark.parametrize(
    ("text", "texts", "lines", "form"),
    [
        ("Uno\ndue\n\nTre", ("Uno\ndue", "Tre"), (1, 4), "paragraphs"),
        ("\nUno\ndue\n", ("Uno", "due"), (2, 3), "lines"),
        ("Una riga sola", ("Una riga sola",), (1,), "whole"),
        ("post", ("post",), (1,), "whole"),
        ("[sic] they wrote\nand more", ("[sic] they wrote", "and more"), (1, 2), "lines"),
        ("x" * 400 + "\nand a short line", ("x" * 400 + "\nand a short line",), (1,), "whole"),
        ("post\nsì &amp; no <U+0001F600>\n", ("sì & no 😀",), (2,), "table"),
        ('text,account\n"due\nrighe",anna\ntre,bruno\n', ("due\nrighe", "tre"), (2, 4), "table"),
    ],
)
def test_lines_paragraphs_and_rows_are_posts_and_say_where_they_begin(text, texts, lines, form):
    found = posts.parse(text)
    assert (found.texts, found.lines, found.form) == (texts, lines, form)


def test_more_posts_than_a_tool_takes_are_refused_with_both_numbers():
    with pytest.raises(BadInput, match="12 posts: at most 10"):
        posts.parse("text\n" + "ciao\n" * 12, most=10)


@pytest.mark.parametrize(
    ("content", "posted", "form"),
    [
        ('id,Text,author\n1,"one, two\nthree",anna\n2,four,bert\n', [("one, two\nthree", "anna", 2), ("four", "bert", 4)], "table"),
        ("testo;autore\r\nciao a tutti;anna\r\n", [("ciao a tutti", "anna", 2)], "table"),
        ("Read the text, please", [("Read the text, please", "", 1)], "whole"),
        ("one\ntwo\n\n\nthree\r\n", [("one\ntwo", "", 1), ("three", "", 5)], "paragraphs"),
    ],
)
def test_posts_one_by_one_have_their_account_and_line(content, posted, form):
    found = posts.parse(content)
    assert ([(each.text, each.account, each.row) for each in found.each()], found.form) == (posted, form)


def test_escaped_emoji_and_entities_are_the_characters_that_were_posted():
    assert posts.unescape("<U+0001F600> a &amp; b <U+110000> <U+D800>") == "\U0001f600 a & b <U+110000> <U+D800>"


def test_thousands_of_variants_of_one_text_are_one_group_without_comparing_all_with_all(monkeypatch):
    from datasketch import MinHash

    compared, jaccard = [], MinHash.jaccard
    monkeypatch.setattr(MinHash, "jaccard", lambda one, other: compared.append(1) or jaccard(one, other))
    letters = "abcdefghilmnoprstuvz"
    texts = [f"The council sold the square by night and nobody asked us why, say it aloud {letters[n % 20]}{letters[n // 20 % 20]}" for n in range(400)]
    assert set(duplicates.text_groups(texts).tolist()) == {0}
    assert len(compared) < 4 * len(texts)


def test_pairs_that_cannot_be_named_cost_no_draws():
    rng = np.random.default_rng(0)
    crowd = {account: rng.uniform(0, 43_200, 40).tolist() for account in range(30)}  # they meet thrice and more, and in little of what they write
    found = coordination.find(*rows_of(crowd), draws=10**12)
    assert (found.tested > 400, found.sets) == (True, ())


def posts_of(texts, times=None, links=(), account="anna"):
    times = np.array(times if times is not None else [NOON] * len(texts), float)
    return Posts(tuple(texts), np.array([account] * len(texts)), times, lines=tuple(range(1, len(texts) + 1)), links=tuple(links))


def test_techniques_stand_on_the_posts_of_each_text_and_the_draw_is_reported(monkeypatch):
    """One text posted six times and one in another language: six posts are asked with one text, the other says nothing."""
    same = "They are traitors and liars who want to destroy our beloved country, wake up now!"
    looked = view.look(posts_of([same] * 6 + ["La torre è chiusa da ieri e nessuno lo dice ai turisti che arrivano"]))
    found = answers.techniques(looked)
    assert (found.different, found.texts, found.outside, int(found.asked.sum())) == (2, 2, 1, 6)
    assert (found.named[:6] == found.named[0]).all()
    monkeypatch.setattr(answers, "MOST_TEXTS", 1)
    assert (answers.techniques(looked).texts, answers.techniques(looked).different) == (1, 2)


@pytest.mark.parametrize(("hours", "unit"), [(1, "hour"), (59, "hour"), (61, "day"), (59 * 24, "day"), (61 * 24, "week"), (24 * 3650, "week")])
def test_time_is_cut_so_that_the_periods_can_be_read(hours, unit):
    length, name = answers.period(np.array([NOON, NOON + 3600 * hours, math.nan]))
    assert name.code == f"campaign-{unit}"
    assert 3600 * hours / length <= answers.MOST_PERIODS


def test_links_of_a_column_count_where_the_text_has_none():
    found = duplicates.link_groups(["ciao", "ciao https://a.example/x", "hello"], ["https://a.example/x?utm=1", "", "https://b.example"])
    assert found.tolist() == [0, 0, -1]
