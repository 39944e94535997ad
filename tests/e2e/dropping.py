"""Let go of a file over the desk, as a mouse does that drags it from a folder."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import Page, expect

CARRIED = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name));
  return carried;
}"""


def drop(page: Page, file: Path, name: str = "") -> None:
    """Drop a file on the desk, under another name if one is given; the form then shows it as chosen."""
    carried = page.evaluate_handle(CARRIED, [name or file.name, base64.b64encode(file.read_bytes()).decode()])
    for moment in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#drop", moment, {"dataTransfer": carried})
    expect(page.locator("#chosen")).to_have_text(name or file.name)
