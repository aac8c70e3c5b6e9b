"""The pages that the browser shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto 0; padding: 0 1rem; color: #222 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
</body>
</html>
"""
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    # The address of the page contains the code, which no other page may learn.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page without external parts; its text may be foreign and is escaped."""

    status: int
    title: str
    text: str
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {**_HEADERS, **self.extra_headers}

    def encoded(self) -> bytes:
        """Return the HTML.

        >>> b"<p>&lt;b&gt;</p>" in Page(200, "Title", "<b>").encoded()
        True
        """
        return _TEMPLATE.format(title=escape(self.title), text=escape(self.text)).encode("utf-8", "replace")


SIGNED_IN: Final = Page(200, "Signed in", "The tokens are saved. You can close this page.")
FAILED: Final = Page(200, "Sign-in failed", "The terminal shows the reason. You can close this page.")
REPEATED: Final = Page(409, "Already answered", "This sign-in has been answered. You can close this page.")
NOT_OURS: Final = Page(400, "Not this sign-in", "This answer does not belong to the current sign-in.")
NOT_FOUND: Final = Page(404, "Not found", "There is nothing here.")
NOT_ALLOWED: Final = Page(405, "Method not allowed", "Only GET is allowed.", {"Allow": "GET"})
OTHER_HOST: Final = Page(403, "Forbidden", "The Host header does not name this machine.")
