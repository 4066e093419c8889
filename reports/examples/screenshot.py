"""Makes ``report.webp``, the picture in the README: the top of an example's report in Chromium.

``make screenshot`` runs it. It needs a Chromium on the path, or Playwright's own.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

EXAMPLES = Path(__file__).resolve().parent
PAGE = EXAMPLES / "shapes" / "report.html"
PICTURE = EXAMPLES / "report.webp"
WIDTH_PX, HEIGHT_PX = 1280, 900
MOST_BYTES = 300_000


def main() -> None:
    """Write the picture, or say why it is too large to keep."""
    with sync_playwright() as driver:
        # Chromium refuses its sandbox to root, which containers run as.
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        view = {"width": WIDTH_PX, "height": HEIGHT_PX}
        page = browser.new_page(viewport=view, color_scheme="light")
        page.goto(PAGE.as_uri())
        shown = page.screenshot()
        browser.close()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(shown)).convert("RGB").save(buffer, "WEBP", lossless=True, method=6)
    if buffer.tell() > MOST_BYTES:
        raise SystemExit(f"{buffer.tell()} bytes, and at most {MOST_BYTES} are kept")
    PICTURE.write_bytes(buffer.getvalue())
    print(f"{PICTURE}: {buffer.tell() / 1000:.0f} kB")


if __name__ == "__main__":
    main()
