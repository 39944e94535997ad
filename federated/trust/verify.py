"""Check an evidence pack, or a model's signed document, without Specola's database or a network: `python -m federated.trust.verify PACK.zip [--key KEY]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from detectors import worded
from federated.trust import evidence, evidence_pack, signing, witness

SIGNS = {evidence.Outcome.HOLDS: "[ok]", evidence.Outcome.BROKEN: "[BROKEN]", evidence.Outcome.UNCHECKED: "[not checked]"}
VERDICTS = {
    True: {"en": "The pack holds, as far as it was checked.", "it": "Il pacchetto regge, per quanto è stato controllato."},
    False: {"en": "The pack does NOT hold.", "it": "Il pacchetto NON regge."},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything that was checked is good, 1 with a sentence for each thing that is not."""
    parser = argparse.ArgumentParser(prog="federated.trust.verify", description=__doc__)
    parser.add_argument("document", type=Path, help="an evidence pack (ZIP), or the JSON downloaded from a model's page")
    parser.add_argument("--key", help="the portal's public key (Ed25519, base64): get it from the portal's keeper, not from the same download")
    parser.add_argument("--file", type=Path, help="a model document's ONNX file")
    parser.add_argument("--tsa-root", type=Path, action="append", default=[], help="root certificate (PEM) of the time-stamp authority of a pack")
    parser.add_argument("--witness", type=Path, action="append", default=[], help="a file that an agent wrote with `site_agents witness`")
    parser.add_argument("--language", choices=("en", "it"), default="en", help="of the lines about a pack")
    options = parser.parse_args(arguments)
    try:
        if options.document.suffix == ".json":
            if not options.key:
                raise ValueError("a model's document is checked against a key: name it with --key")
            print(verify(json.loads(options.document.read_text()), options.key, options.file.read_bytes() if options.file else None))
            return 0
        return _verify_pack(options)
    except evidence_pack.PackRefused as error:
        print(f"verify: {worded(error.message, options.language)}", file=sys.stderr)
    except (OSError, ValueError, signing.SignatureRejected, witness.WitnessRejected) as error:
        print(f"verify: {error}", file=sys.stderr)
    return 1


def verify(document: object, key: str, content: bytes | None = None) -> str:
    """One sentence about a good document. Raises SignatureRejected or ValueError with the reason."""
    if not isinstance(document, dict):
        raise ValueError("this is no model document")
    body = signing.verify_document(document, key)
    if content is None:
        return f"good: {body.get('detector')} {body.get('version')} and its card were signed by this key; sha256 of its file: {body.get('sha256')}"
    if (found := hashlib.sha256(content).hexdigest()) != body.get("sha256"):
        raise ValueError(f"the file's sha256 is {found}, signed was {body.get('sha256')}")
    return f"good: {body.get('detector')} {body.get('version')}, its card and its file were signed by this key"


def _verify_pack(options: argparse.Namespace) -> int:
    roots = [each for path in options.tsa_root for each in x509.load_pem_x509_certificates(path.read_bytes())]
    witnesses = [witness.read_export(json.loads(path.read_text())) for path in options.witness]
    with options.document.open("rb") as file:
        found = evidence.check(evidence_pack.open_pack(file), keys=[options.key] if options.key else [], roots=roots, witnesses=witnesses)
    for each in found.lines:
        print(f"{SIGNS[each.outcome]:<14}{worded(each.message, options.language)}")
    print(VERDICTS[found.holds][options.language])
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
