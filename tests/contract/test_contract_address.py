"""Addresses of streams: what people paste is understood, and no secret is left in what is shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from federated.contract.address import PROBLEMS, AddressError, StreamAddress, parse, redact, redact_text

# The address table: pasted -> opened, shown.
TABLE = {
    "rtsp://10.0.0.5/live": ("rtsp://10.0.0.5/live", "rtsp://10.0.0.5/live"),
    "rtsp://admin:p#ss@10.0.0.5/live": ("rtsp://admin:p%23ss@10.0.0.5/live", "rtsp://admin:***@10.0.0.5/live"),
    "rtsp://admin:p[ss@cam/live": ("rtsp://admin:p%5Bss@cam/live", "rtsp://admin:***@cam/live"),
    "rtsp://admin:p@ss@cam/live": ("rtsp://admin:p%40ss@cam/live", "rtsp://admin:***@cam/live"),
    "rtsp://admin:p/ss@cam:8554/live": ("rtsp://admin:p%2Fss@cam:8554/live", "rtsp://admin:***@cam:8554/live"),
    "rtsp://admin:12/ss@cam/live": ("rtsp://admin:12%2Fss@cam/live", "rtsp://admin:***@cam/live"),
    "rtsp://admin:p?ss@cam/live?channel=1": ("rtsp://admin:p%3Fss@cam/live?channel=1", "rtsp://admin:***@cam/live?channel=1"),
    "rtsp://admin:p@s/s@host.example/x": ("rtsp://admin:p%40s%2Fs@host.example/x", "rtsp://admin:***@host.example/x"),
    "rtsp://admin:se:cret@10.0.0.5/1": ("rtsp://admin:se%3Acret@10.0.0.5/1", "rtsp://admin:***@10.0.0.5/1"),
    "rtsp://admin:p%23ss@cam/": ("rtsp://admin:p%23ss@cam/", "rtsp://admin:***@cam/"),
    "rtsp://admin:100%@cam/": ("rtsp://admin:100%25@cam/", "rtsp://admin:***@cam/"),
    "rtsp://admin:@cam/": ("rtsp://admin:@cam/", "rtsp://***@cam/"),
    "rtsp://sEcReT@cam/": ("rtsp://sEcReT:@cam/", "rtsp://***@cam/"),
    "rtsp://utente:perché sì@caméra.museo.it/1": ("rtsp://utente:perch%C3%A9%20s%C3%AC@xn--camra-dsa.museo.it/1", "rtsp://utente:***@xn--camra-dsa.museo.it/1"),
    " <RTSP://Cam.Museo.IT:554/Streaming/Channels/101> ": ("rtsp://cam.museo.it:554/Streaming/Channels/101", "rtsp://cam.museo.it:554/Streaming/Channels/101"),
    "rtsp://a:b@[fe80::1%25eth0]:554/x": ("rtsp://a:b@[fe80::1%eth0]:554/x", "rtsp://a:***@[fe80::1%eth0]:554/x"),
    "rtsp://2001:db8::5/x": ("rtsp://[2001:db8::5]/x", "rtsp://[2001:db8::5]/x"),
    "rtsp://10.0.0.5:554/live@2/x": ("rtsp://10.0.0.5:554/live@2/x", "rtsp://10.0.0.5:554/live@2/x"),
    "rtsp://cam1:554/live@2/x": ("rtsp://cam1:554/live@2/x", "rtsp://***"),
    "http://cam/v.cgi?user=admin&pwd=geheim&channel=1": ("http://cam/v.cgi?user=admin&pwd=geheim&channel=1", "http://cam/v.cgi?user=***&pwd=***&channel=1"),
    "http://cam/v?password=p#s&s&stream=2": ("http://cam/v?password=p%23s&s&stream=2", "http://cam/v?password=***&***&stream=2"),
    "https://nvr:8443/live?token=abc.def": ("https://nvr:8443/live?token=abc.def", "https://nvr:8443/live?token=***"),
    "http://nvr:8080/cgi?user=m@museo.it&pwd=x": ("http://nvr:8080/cgi?user=m@museo.it&pwd=x", "http://nvr:8080/cgi?user=***&pwd=***"),
    "rtsp://h/user=admin&password=x1&channel=1&stream=0.sdp": (
        "rtsp://h/user=admin&password=x1&channel=1&stream=0.sdp",
        "rtsp://h/user=***&password=***&channel=1&stream=0.sdp",
    ),
    "rtsps://10.0.0.1:7441/AbCdEf123456gHi7": ("rtsps://10.0.0.1:7441/AbCdEf123456gHi7", "rtsps://10.0.0.1:7441/***"),
}
REFUSED = {
    "": "empty",
    "camera": "scheme",
    "10.0.0.5:554/live": "scheme",
    "rtsp:/admin:geheim@cam/": "scheme",
    "ftp://admin:geheim@cam/": "unsupported",
    "rtsp:///live": "host",
    "rtsp://a:geheim@": "host",
    "rtsp://cam:99999/": "port",
    "rtsp://c am/": "host",
    "rtsp://a:gehe\nim@cam/": "characters",
    "rtsp://a:geheim\ud800@cam/": "characters",
    "rtsp://cam/" + "x" * 2000: "long",
}
PIECES = ("Zk9", "Wm4", "Qv7")
SIGNS = st.sampled_from([*"#[]/?@:;&=%+ !$'()*,|\\^~`{}.-_é漢🔑", "%23", "%4"])
SECRETS = st.lists(st.one_of(st.sampled_from(PIECES), SIGNS), min_size=1, max_size=12).map(lambda pieces: "Zk9" + "".join(pieces))
HOSTS = st.sampled_from(["10.0.0.5", "10.0.0.5:554", "cam", "cam:8554", "localhost", "cam.museo.it", "[fe80::1]", "[2001:db8::5]:554"])
PATHS = st.sampled_from(["", "/", "/live", "/Streaming/Channels/101", "/cam/realmonitor?channel=1&subtype=0"])
SECRET_PLACES = ("rtsp://admin:{secret}@{host}{path}", "http://{host}/v?user=admin&pwd={secret}", "rtsp://{host}/user=a&password={secret}&channel=1")
TAILS = st.sampled_from(SECRET_PLACES)


@pytest.mark.parametrize("pasted", TABLE)
def test_what_people_paste_is_opened_and_shown_as_the_table_says(pasted):
    assert (parse(pasted).opening, parse(pasted).redacted) == TABLE[pasted]


@pytest.mark.parametrize("pasted", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_address_is_refused_with_a_code_and_without_its_text(pasted):
    with pytest.raises(AddressError) as caught:
        parse(pasted)
    assert caught.value.code == REFUSED[pasted]
    assert str(caught.value) == PROBLEMS[caught.value.code]
    assert "gehe" not in redact(pasted)


@settings(deadline=None)
@given(SECRETS, HOSTS, PATHS, TAILS)
@example("Zk9#/@Wm4", "cam", "/live", SECRET_PLACES[0])
def test_no_piece_of_a_secret_is_left_in_what_is_shown(secret, host, path, place):
    pasted = place.format(secret=secret, host=host, path=path)
    shown = redact(pasted)
    assert not [piece for piece in PIECES if piece in shown]
    assert redact(shown) == shown
    message = redact_text(f"ValueError: {pasted!r} and {pasted} cannot be opened, nor can x", pasted)
    assert not [piece for piece in PIECES if piece in message]
    assert message.endswith("nor can x")
    assert not [piece for piece in PIECES if piece in repr(parse(pasted))]


@settings(deadline=None)
@given(SECRETS, HOSTS, PATHS)
def test_user_and_password_survive_the_way_through_an_address(secret, host, path):
    whole = parse(f"rtsp://{host}{path}")
    address = StreamAddress(whole.scheme, whole.host, whole.port, whole.path, whole.query, "mario.rossi", secret)
    assert parse(address.opening) == address


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map(lambda text: f"rtsp://{text}"), st.text("rtsp:/@[]?#&=.%1a", max_size=40)))
def test_any_text_is_an_address_or_refused(text):
    shown = redact(text)
    assert redact(shown) == shown
    redact_text(text, text)
    try:
        address = parse(text)
    except AddressError:
        return
    assert parse(address.opening) == address
    assert address.redacted == shown


def test_other_addresses_in_running_text_lose_their_secrets_too():
    text = "tried rtsp://a:geheim@10.0.0.5/x, then (http://b:top@cam/y?token=zzz). See docs/agent.md"
    assert redact_text(text) == "tried rtsp://a:***@10.0.0.5/x, then (http://b:***@cam/y?token=***). See docs/agent.md"


def test_a_files_name_is_shown_as_it_is():
    assert redact("clips/gate.webm") == "clips/gate.webm"
