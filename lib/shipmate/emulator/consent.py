"""The consent page of the emulated provider."""

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
    """Return the page for an authorization request; its form posts the request and the person's decision."""
    fields = (f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in query.items())
    text = _PAGE.format(
        client=escape(query.get("client_id", "")),
        scope=escape(query.get("scope") or "nothing in particular"),
        fields="\n".join(fields),
    )
    return Reply(200, text, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})


def decision(form: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Return the posted authorization request, and whether the person allows it.

    >>> decision({"client_id": "demo", "decision": "allow"})
    ({'client_id': 'demo'}, True)
    """
    query = {name: value for name, value in form.items() if name != "decision"}
    return query, form.get("decision") == "allow"
