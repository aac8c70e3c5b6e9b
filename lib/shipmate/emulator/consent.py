"""The page of the emulated provider where a person agrees or refuses."""

from collections.abc import Mapping
from html import escape

from shipmate.emulator.journal import Reply

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><link rel="icon" href="data:,"><title>Consent</title></head>
<body>
<h1>Allow {client}?</h1>
<p>It asks for: {scope}</p>
<form method="post" action="/authorize">
{fields}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>
</body>
</html>
"""


def page(query: Mapping[str, str]) -> Reply:
    """Return the page for an authorization request; its form brings the request back together with the decision."""
    fields = (f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in query.items())
    text = _PAGE.format(
        client=escape(query.get("client_id", "")),
        scope=escape(query.get("scope") or "nothing in particular"),
        fields="\n".join(fields),
    )
    return Reply(200, text, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})


def decision(form: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Return the request that the form brought back, and whether the person agrees.

    >>> decision({"client_id": "demo", "decision": "allow"})
    ({'client_id': 'demo'}, True)
    """
    asked = {name: value for name, value in form.items() if name != "decision"}
    return asked, form.get("decision") == "allow"
