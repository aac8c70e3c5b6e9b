"""The process of the fixture ``container``: ``shipmate run`` whose requests follow the routes of a test.

``SHIPMATE_TEST_ROUTED`` has the routes as JSON, and optionally the number of an open file that gets the id of each
settled message. The fixture ``flow`` runs its steps in such processes as well.
"""

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Final

from shipmate.testing.routes import Routes

if TYPE_CHECKING:
    from shipmate.container.transport import Delivery

VARIABLE: Final = "SHIPMATE_TEST_ROUTED"


def main() -> None:
    """Run the container."""
    options = json.loads(os.environ.pop(VARIABLE))
    with Routes.from_json(options["routes"]).installed(closes_network=options["closes_network"]):
        from shipmate.container import step

        if (descriptor := options.get("report_to")) is None:
            step.main()
        else:
            step.main(new_transport=partial(step.new_transport, on_settled=partial(_report, descriptor)))


def _report(descriptor: int, delivery: "Delivery", is_success: bool) -> None:
    """Write the id of a settled message: everything that it emitted has been confirmed by then."""
    os.write(descriptor, f"{delivery.message_id}\n".encode())


if __name__ == "__main__":
    main()
