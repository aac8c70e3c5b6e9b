"""``python routed.py``: ``shipmate run``, but requests to Microsoft and Salesforce go to the servers of ``apis.py``."""

import json
import os
from pathlib import Path

from shipmate.testing.routes import Routes

CLIENT = {"CLIENT_ID": "demo-client", "CLIENT_SECRET": "demo-secret"}


def main() -> None:
    """Run the container of a step."""
    for service in ("MICROSOFT", "SALESFORCE"):
        os.environ.update({f"{service}_{name}": value for name, value in CLIENT.items()})
    os.environ["MICROSOFT_TENANT"] = "common"
    routes = Routes.from_json(json.loads((Path(__file__).parent / "routes.json").read_text()))
    with routes.installed(closes_network=False):
        from shipmate.container import step

        step.main()


if __name__ == "__main__":
    main()
