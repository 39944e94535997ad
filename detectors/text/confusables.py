"""Letters of other scripts that look like Latin ones: identical to the eye, or close enough to be read as one inside a Latin word.

Written from the idea of Unicode's Technical Standard 39 (confusable detection), by hand and for Latin only; not its data file.
"""

from __future__ import annotations

# Each pair of lines: the letters found, and below each the Latin letter it passes for.
_IDENTICAL = (
    # Cyrillic
    ("аеорсухіјѕԁһԛԝӏАВЕКМНОРСТУХІЈЅԌӀҮԚԜ", "aeopcyxijsdhqwlABEKMHOPCTYXIJSGIYQW"),
    # Greek
    ("οϲϳνΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ", "ocjvABEZHIKMNOPTYXCJ"),
    # Armenian
    ("օոսհյԼՕՏ", "onuhjLOS"),
    # Cherokee
    ("ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃ", "ABCDEGHJKLMPRSTVWZ"),
)
_CLOSE = (
    ("ктпьмгүվ", "ktnbmryu"),
    ("αρυκτεηγωσι", "apuktenywoi"),
    ("զցգղ", "qggn"),
)
# Latin letters of phonetic alphabets and small capitals, used as a disguise of the whole text
_STYLED = ("ɑɡᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agabcdefghijklmnoprstuvwyz")


def _table(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {letter: latin for letters, latins in pairs for letter, latin in zip(letters, latins, strict=True)}


IDENTICAL = _table(_IDENTICAL)
CLOSE = IDENTICAL | _table(_CLOSE)
STYLED = _table((_STYLED,))
