"""Ways out of a command, each with a secret that the component's own code puts there."""

import json
import os
from pathlib import Path

import pytest

from tests import forked

SECRET = "s3cret-of-the-client/+1"
READ = "import os\nsecret = os.environ['CRM_CLIENT_SECRET']\n"
VERIFIERS = {
    "the import fails": READ + "raise ValueError(secret)\n",
    "the import fails with a long text": READ + "raise ValueError('x' * 185 + secret)\n",
    "the function fails": READ + "def verify(context, cfg): raise ValueError(secret)\n",
    "the verdict has a reason": READ
    + "def verify(context, cfg): return {'verified': False, 'reason': 'no ' + secret}\n",
    "a thread fails": READ
    + "import threading\ndef verify(context, cfg):\n    t = threading.Thread(target=int, args=(secret,))\n"
    "    t.start(); t.join()\n    return False\n",
    "a warning": READ + "import warnings\ndef verify(context, cfg): warnings.warn(secret); return False\n",
}


@pytest.mark.parametrize("way", VERIFIERS)
def test_verify_shows_no_part_of_a_secret(way: str, tmp_path: Path) -> None:
    action = {"main": "./act.py", "title": "A", "metadata": {"in": {}, "out": {}}}
    (tmp_path / "component.json").write_text(json.dumps({"title": "t", "actions": {"a": action}}))
    (tmp_path / "act.py").write_text("def process(context, msg, cfg, snapshot): pass\n")
    (tmp_path / "verify_credentials.py").write_text(VERIFIERS[way].replace("def verify(", "def verify_credentials("))
    environ = {**os.environ, "CRM_CLIENT_SECRET": SECRET}
    ended = forked.run("shipmate", "verify", "--cfg", "{}", loaded=forked.COMMANDS, env=environ, cwd=tmp_path)
    assert "***" in ended.stdout + ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr
    assert json.loads(ended.stdout)["verified"] is False
