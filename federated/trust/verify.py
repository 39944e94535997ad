"""Check a model's signed document, and its file, without Specola's database: `python -m federated.trust.verify card.json --key KEY [--file model.onnx]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from federated.trust import signing


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when signature (and file) are good, 1 with one sentence when they are not."""
    parser = argparse.ArgumentParser(prog="federated.trust.verify", description=__doc__)
    parser.add_argument("document", type=Path, help="the JSON downloaded from the model's page")
    parser.add_argument("--key", required=True, help="the portal's public key (Ed25519, base64): get it from the portal's keeper, not from the same download")
    parser.add_argument("--file", type=Path, help="the model's ONNX file")
    options = parser.parse_args(arguments)
    try:
        print(verify(json.loads(options.document.read_text()), options.key, options.file.read_bytes() if options.file else None))
    except (OSError, ValueError, signing.SignatureRejected) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
