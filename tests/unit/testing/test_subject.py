"""The component under test."""

import json
from pathlib import Path

from shipmate.emulator import Reply, Server
from shipmate.testing import ComponentUnderTest
from shipmate.testing.isolation import only_component

ASYNC = """
import asyncio
LOOPS = []
async def process(context, msg, cfg, snapshot):
    LOOPS.append(asyncio.get_running_loop())
    return {"body": len(LOOPS)}
"""


def test_its_end_closes_the_loops_of_functions(tmp_path: Path) -> None:
    """Left to the collector, they may be closed while the loop of another test runs, which fails that one."""
    action = {"title": "Go", "main": "./loops_of_functions.py"}
    (tmp_path / "component.json").write_text(json.dumps({"title": "T", "actions": {"go": action}}))
    (tmp_path / "loops_of_functions.py").write_text(ASYNC)
    subject = ComponentUnderTest(tmp_path)
    with only_component(tmp_path):
        subject.run("go")
        assert subject.run("go").message == {"body": 2}
        from loops_of_functions import LOOPS
    assert [loop.is_closed() for loop in LOOPS] == [False, False]
    subject.close()

    assert [loop.is_closed() for loop in LOOPS] == [True, True]


TENANTS = """
def process(context, msg, cfg, snapshot):
    url = f"https://{cfg['tenant']}.example.com"
    api = context.oauth2(
        cfg, grant="client_credentials", token_url=f"https://{{{{tenant}}}}.example.com/token", client_id="me"
    )
    return {"body": api.get(f"{url}/me").json()}
"""


def token_issuer(name: str) -> Server:
    """Return an API with a token endpoint of its own, which issues one token per secret."""
    server = Server(name=name)
    server.route("POST", "/token", lambda request: Reply(200, {"access_token": f"of-{name}"}))
    server.route("GET", "/me", lambda request: Reply(200, {"ok": request.bearer == f"of-{name}"}))
    return server


def test_two_tenants_in_one_test_share_no_token(tmp_path: Path) -> None:
    """Neither the live tokens nor those that the first one has saved reach the other one."""
    fields = {"tenant": {"label": "Tenant", "viewClass": "TextFieldView"}}
    actions = {"go": {"title": "Go", "main": "./tenants.py"}}
    descriptor = {"title": "T", "credentials": {"fields": fields}, "actions": actions}
    (tmp_path / "component.json").write_text(json.dumps(descriptor))
    (tmp_path / "tenants.py").write_text(TENANTS)
    subject = ComponentUnderTest(tmp_path)
    with only_component(tmp_path), subject.routes.installed():
        for name in ("a", "b"):
            subject.serve(f"https://{name}.example.com", token_issuer(name))
        found = [subject.run("go", cfg={"tenant": name}).message["body"] for name in ("a", "b", "a")]
        assert found == [{"ok": True}] * 3
        subject.stored_keys["oauth"] = {"access_token": "of-a"}  # the test's own word counts for every account
        assert subject.run("go", cfg={"tenant": "a"}).message["body"] == {"ok": True}
    subject.close()
