"""Addresses of streams as people paste them: taken apart, escaped for opening, and without any secret for everything that is written or shown.

A password that was pasted unescaped makes an address ambiguous. The rule: what stands before the last `@` that a host can follow is user and password,
unless the text before it is a whole address already (an IP address, `localhost`, a name with a dot) - and what is shown hides more than that when in doubt.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from urllib.parse import quote, unquote

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935, "udp": None, "tcp": None}
SCHEMES = tuple(PORTS)
HIDDEN = "***"
LONGEST = 2000
SHORTEST_SECRET = 4  # shorter ones are not searched for in running text: they would be found everywhere
PROBLEMS = {
    "empty": "the address is empty",
    "long": f"the address has more than {LONGEST} characters",
    "characters": "the address holds characters that no address can hold (line breaks, control characters)",
    "scheme": "an address begins with its kind, like rtsp://",
    "unsupported": f"an address begins with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}",
    "host": "the address names no host, or one that cannot be a host",
    "port": "the port must be a number from 1 to 65535",
}
_USERS = {"user", "usr", "username", "login", "account", "loginuse"}
_SECRETS = {"password", "passwd", "pass", "pwd", "psw", "passphrase", "loginpas", "token", "access_token", "auth", "authbasic", "key", "apikey", "api_key"}
_SECRETS |= {"secret", "sid", "session", "sessionid", "signature", "sig", "hash", "jwt", "code", "pin", "credential", "credentials"}
_HARMLESS = {"channel", "ch", "subtype", "stream", "streamtype", "profile", "resolution", "res", "fps", "codec", "videocodec", "camera", "cam", "quality"}
_HARMLESS |= {"transportmode", "proto", "unicast", "width", "height", "rate", "compression", "audio", "video", "track", "id", "size", "framerate", "bitrate"}
_SIMPLE = re.compile(r"[0-9]{1,5}(?:x[0-9]{1,5})?|[a-z]{1,10}[_-]?[0-9]{0,2}|[0-9]\.sdp", re.IGNORECASE)
_NAMED_SECRET = re.compile(rf"(?:{'|'.join(sorted(_USERS | _SECRETS))})=", re.IGNORECASE)
_BEGINNING = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_IN_TEXT = re.compile(r"[a-z][a-z0-9+.-]{1,9}:/{1,2}[^\s'\"<>]*[^\s'\"<>.,;:!)\]}]", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_QUERY_BEGUN = re.compile(r"\?\w+=")


class AddressError(ValueError):
    """A text is no address of a stream. `code` is one of PROBLEMS; the message never holds a part of the text."""

    def __init__(self, code: str) -> None:
        super().__init__(PROBLEMS[code])
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class StreamAddress:
    """The parts of an address. `user` and `password` are as a person types them, `path` and `query` as they travel; `port` None: the usual one."""

    scheme: str
    host: str
    port: int | None = None
    path: str = ""
    query: str = ""
    user: str = ""
    password: str = ""

    @property
    def opening(self) -> str:
        """The whole address, escaped: only for opening it, never for a log or a page."""
        login = f"{_quoted(self.user)}:{_quoted(self.password)}@" if self.user or self.password else ""
        return f"{self.scheme}://{login}{self.place}{self.path}{'?' + self.query if self.query else ''}"

    @property
    def place(self) -> str:
        """Host and port as an address writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def redacted(self) -> str:
        """The address for logs and pages: no password, no token, no value that may be one."""
        login = (f"{_quoted(self.user)}:{HIDDEN}@" if self.password else f"{HIDDEN}@") if self.user or self.password else ""
        if "@" in self.path and not _is_number(self.host):  # host and path may be the end of a password
            return f"{self.scheme}://{HIDDEN}"
        return f"{self.scheme}://{login}{self.place}{_shown_path(self.path)}{'?' + _shown_values(self.query) if self.query else ''}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that nobody may read, in every form in which they may stand in a message."""
        found = {self.password, _quoted(self.password)}
        for piece in re.split(r"[&;]", f"{self.path}&{self.query}"):
            name, equals, value = piece.rpartition("=")
            if equals and name.lower().rpartition("/")[2] not in _HARMLESS:
                found |= {value, unquote(value)}
        return tuple(sorted((each for each in found if len(each) >= SHORTEST_SECRET and each != HIDDEN), key=len, reverse=True))

    def __str__(self) -> str:
        return self.redacted

    __repr__ = __str__


def parse(text: str) -> StreamAddress:
    """The address in a pasted text. Raises AddressError, and nothing else, when it is none."""
    text = text.strip().strip("<>\"'").strip()
    if not text:
        raise AddressError("empty")
    if len(text) > LONGEST:
        raise AddressError("long")
    if any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or 0xD800 <= ord(sign) < 0xE000 or sign in "\u2028\u2029" for sign in text):
        raise AddressError("characters")
    if not (begun := _BEGINNING.match(text)):
        raise AddressError("scheme")
    scheme = begun[1].lower()
    if scheme not in PORTS:
        raise AddressError("unsupported")
    rest = text[begun.end() :]
    login, place, tail = _split(rest)
    host, port = _host_and_port(place)
    user, _, password = login.partition(":")
    path, _, query = tail.partition("?")
    if path and not path.startswith("/"):  # "#..." directly behind the host
        path = f"/{path}"
    return StreamAddress(scheme, host, port, _escaped(path), _escaped(query, "?"), _unquoted(user), _unquoted(password))


def redact(text: str) -> str:
    """An address, or what somebody took for one, without secrets; what is plainly none (a file's name) stays. Never raises; doing it twice changes nothing."""
    try:
        return parse(text).redacted
    except AddressError:
        pass
    if begun := _BEGINNING.match(text.strip().lstrip("<\"'")):
        return f"{begun[1].lower()}://{HIDDEN}"
    return HIDDEN if "@" in text or "://" in text or _NAMED_SECRET.search(text) else text


def redact_text(text: str, *addresses: str) -> str:
    """Running text (a message, a traceback) without the secrets of these addresses and of every other address in it. Never raises."""
    for address in addresses:
        secrets: tuple[str, ...] = ()
        try:
            parsed = parse(address)
            text, secrets = text.replace(parsed.opening, parsed.redacted), parsed.secrets
        except AddressError:
            pass
        if len(address) >= SHORTEST_SECRET and (shown := redact(address)) != address:
            text = text.replace(address, shown).replace(repr(address)[1:-1], shown)
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
    return _IN_TEXT.sub(lambda found: redact(found[0]), text)


def _split(rest: str) -> tuple[str, str, str]:
    """User and password, host and port, and what follows them, of an address without its scheme. Raises AddressError."""
    end = _end_of_place(rest)
    login, _, place = rest[:end].rpartition("@")
    plain = login, place, rest[end:]
    problem = _problem(place)
    if not problem and (_is_certain(place) or "@" not in rest[end:] or _QUERY_BEGUN.search(rest[: rest.rfind("@")], end)):
        return plain
    found = []
    for at in reversed([n for n, sign in enumerate(rest) if sign == "@"]):
        head, tail = rest[:at], rest[at + 1 :]
        stop = _end_of_place(tail)
        user, colon, _ = head.partition(":")
        if _problem(tail[:stop]) or not (_is_certain(tail[:stop]) or tail[0].isalpha()):
            continue
        if problem or (colon and not re.search(r"[/?#]", user)):
            found.append((head, tail[:stop], tail[stop:]))
    if chosen := next((each for each in found if _is_certain(each[1])), found[0] if found else None):
        return chosen
    if problem:
        raise AddressError(problem)
    return plain


def _end_of_place(text: str) -> int:
    found = re.search(r"[/?#]", text)
    return found.start() if found else len(text)


def _problem(place: str) -> str:
    """The code of what is wrong with a host and port; "" when nothing is."""
    try:
        _host_and_port(place)
    except AddressError as error:
        return error.code
    return ""


def _host_and_port(place: str) -> tuple[str, int | None]:
    """Raises AddressError."""
    if bracketed := re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?", place):
        host, port = bracketed[1].replace("%25", "%"), bracketed[2]
        if not _is_number(host):
            raise AddressError("host")
    elif place.count(":") > 1 and _is_number(place):
        return place.lower(), None
    else:
        host, colon, port = place.partition(":")
        port = port if colon else None
        if not host.isascii():
            try:
                host = host.encode("idna").decode()
            except UnicodeError as error:
                raise AddressError("host") from error
        if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")):
            raise AddressError("host")
    if not port:
        return host.lower(), None
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise AddressError("port")
    return host.lower(), int(port)


def _is_certain(place: str) -> bool:
    """Whether a host is one beyond doubt: an IP address, localhost, or a name with a dot and no port that could be a part of a password."""
    try:
        host, port = _host_and_port(place)
    except AddressError:
        return False
    return _is_number(host) or host == "localhost" or ("." in host and (port is None or port in PORTS.values() or port > 1024))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _escaped(text: str, more: str = "") -> str:
    """Percent-escapes for what may not stand in an address; escapes that are there already stay."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text), safe=f"%/:@!$&'()*+,;=~{more}")


def _quoted(text: str) -> str:
    return quote(text, safe="*!$'()+,;~", errors="surrogateescape")


def _unquoted(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _shown_path(path: str) -> str:
    """The path up to the first value that may be a secret; a part that looks drawn by chance is a key."""
    if "=" in path:
        cut = path.rfind("/", 0, path.index("="))
        return f"{_shown_path(path[:cut])}/{_shown_values(path[cut + 1 :])}"
    return "/".join(HIDDEN if _looks_drawn(part) else part for part in path.split("/"))


def _looks_drawn(part: str) -> bool:
    return len(part) >= 16 and all(re.search(signs, part) for signs in ("[a-z]", "[A-Z]", "[0-9]"))


def _shown_values(text: str) -> str:
    """`name=value` pairs: harmless names with simple values stay, those of users and secrets keep their name, all else is hidden."""
    shown: list[str] = []
    for piece in re.split(r"[&;/?]", text):
        name, equals, value = piece.partition("=")
        if equals and name.lower() in _HARMLESS and _SIMPLE.fullmatch(value):
            shown.append(piece)
        elif equals and name.lower() in _USERS | _SECRETS:
            shown.append(f"{name}={HIDDEN}")
        elif not shown or shown[-1] != HIDDEN:
            shown.append(HIDDEN)
    return "&".join(shown)
