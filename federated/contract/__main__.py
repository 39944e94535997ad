"""`python -m federated.contract`: print the page docs/contract.md."""

from __future__ import annotations

import sys

from federated.contract.calls import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
