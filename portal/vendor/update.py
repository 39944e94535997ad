"""Copy the released files that pages need, and their licences, from node_modules to portal/static/vendor (run after `npm ci` in this folder)."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
STATIC = HERE.parent / "static" / "vendor"

# package -> (folder under static/vendor, files of the package's release)
FILES = {
    "htmx.org": ("htmx", ["dist/htmx.min.js", "LICENSE"]),
    "@picocss/pico": ("pico", ["css/pico.min.css", "LICENSE.md"]),
    "tus-js-client": ("tus", ["dist/tus.min.js", "LICENSE"]),
    "uplot": ("uplot", ["dist/uPlot.esm.js", "dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"]),
    "leaflet": (
        "leaflet",
        [
            "dist/leaflet.js",
            "dist/leaflet.css",
            *(f"dist/images/{name}.png" for name in ("layers", "layers-2x", "marker-icon", "marker-icon-2x", "marker-shadow")),
            "LICENSE",
        ],
    ),
    "@fontsource-variable/inter": ("inter", ["files/inter-latin-wght-normal.woff2", "LICENSE"]),
    "@fontsource-variable/fraunces": ("fraunces", ["files/fraunces-latin-wght-normal.woff2", "LICENSE"]),
}
SOURCE_MAP = re.compile(rb"\n?(//|/\*)# sourceMappingURL=\S+( \*/)?\s*$")


def main() -> int:
    if not MODULES.is_dir():
        print(f"{MODULES} is missing: run `npm ci` in {HERE} first", file=sys.stderr)
        return 1
    versions = {}
    for package, (folder, files) in FILES.items():
        versions[folder] = json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))["version"]
        for name in files:
            copy(MODULES / package / name, STATIC / folder / name.removeprefix("dist/").removeprefix("files/").removeprefix("css/"))
    print(" ".join(f"{folder} {version}" for folder, version in versions.items()))
    return 0


def copy(source: Path, target: Path) -> None:
    """Copy one file; a pointer to a source map we do not ship would be a failed request in every browser's console."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix in {".js", ".css"}:
        target.write_bytes(SOURCE_MAP.sub(b"\n", source.read_bytes()))
    else:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
