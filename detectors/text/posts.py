"""Posts out of files: a table with a text column (and perhaps accounts), or a text whose lines or paragraphs are posts."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Sequence

from detectors.errors import BadInput
from detectors.messages import Message, declare

MOST_POSTS = 5000
TEXT_COLUMNS = ("text", "post", "tweet", "message", "content", "full_text", "testo", "messaggio", "contenuto")
ACCOUNT_COLUMNS = ("account", "author", "user", "username", "screen_name", "handle", "utente", "autore", "profilo")
_ESCAPED = re.compile(r"<U\+([0-9A-F]{4,8})>")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}

declare(
    {
        "text-none": {"en": "there is no text in it", "it": "non contiene testo"},
        "text-too-many-posts": {
            "en": "{given:,} posts: at most {most:,} are examined at once",
            "it": "{given:,} post: se ne esaminano al massimo {most:,} alla volta",
        },
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class PostedText:
    """One post: its text as it came, who posted it ("" when that is not given), and the row or line where it begins, from 1."""

    text: str
    account: str
    row: int


def unescape(text: str) -> str:
    """Emoji and marks that an export wrote as <U+0001F600> or &amp;, as the characters that were posted."""
    for entity, mark in _ENTITIES.items():
        text = text.replace(entity, mark)
    return _ESCAPED.sub(lambda found: chr(code) if (code := int(found.group(1), 16)) < 0x110000 and not 0xD800 <= code < 0xE000 else found.group(), text)


def read_posts(content: str) -> tuple[list[PostedText], str]:
    """The posts of a file and how they were told apart: "table", "lines", "paragraphs" or "whole". Raises BadInput."""
    posts, how = _from_table(content) or _from_text(content)
    posts = [post for post in posts if post.text.strip()]
    if not posts:
        raise BadInput(Message("text-none"))
    if len(posts) > MOST_POSTS:
        raise BadInput(Message("text-too-many-posts", {"given": len(posts), "most": MOST_POSTS}))
    return posts, how


def _from_table(content: str) -> tuple[list[PostedText], str] | None:
    """The rows of a table with a header that names a column of texts; None when it is no such table."""
    header = content.lstrip("\ufeff").split("\n", 1)[0].rstrip("\r")
    for separator in ",;\t":
        names = [name.strip().strip('"').lower() for name in header.split(separator)]
        column = _first(names, TEXT_COLUMNS)
        if column is None or (len(names) == 1 and separator != ","):
            continue
        if len(names) == 1 and len(content.splitlines()) < 2:
            continue
        account = _first(names, ACCOUNT_COLUMNS)
        return _rows(content, separator, column, account), "table"
    return None


def _rows(content: str, separator: str, column: int, account: int | None) -> list[PostedText]:
    reader = csv.reader(io.StringIO(content.lstrip("\ufeff"), newline=""), delimiter=separator)
    posts, begin = [], 1
    try:
        for row in reader:
            if begin > 1 and len(row) > column:
                posts.append(PostedText(unescape(row[column]), row[account].strip() if account is not None and len(row) > account else "", begin))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(str(error)) from error
    return posts


def _first(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _from_text(content: str) -> tuple[list[PostedText], str]:
    """Paragraphs where blank lines part them; lines where there are several, each as short as a post; else the whole."""
    text = content.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if any(not line.strip() for line in text.strip("\n").split("\n")):
        return _paragraphs(lines), "paragraphs"
    filled = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if len(filled) > 1 and all(len(line) <= 320 for _, line in filled):
        return [PostedText(unescape(line), "", n) for n, line in filled], "lines"
    return [PostedText(unescape(text.strip("\n")), "", 1)], "whole"


def _paragraphs(lines: list[str]) -> list[PostedText]:
    posts: list[PostedText] = []
    held: list[str] = []
    for n, line in enumerate([*lines, ""], 1):
        if line.strip():
            held.append(line)
        elif held:
            posts.append(PostedText(unescape("\n".join(held)), "", n - len(held)))
            held = []
    return posts
