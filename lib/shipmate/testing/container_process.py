"""The process of the fixture ``container``: ``shipmate run`` whose requests follow the routes of a test.

``SHIPMATE_TEST_ROUTED`` has the routes as JSON, and the number of an open file that is told when a message is done.
"""

import json
import os
import runpy
import sys
from typing import Any, Final

from shipmate.testing.routes import Routes

VARIABLE: Final = "SHIPMATE_TEST_ROUTED"


def main() -> None:
    """Run the command of the container."""
    told = json.loads(os.environ.pop(VARIABLE))
    _tell_when_settled(told["report_to"])
    sys.argv[:] = ["shipmate", "run"]
    with Routes.from_json(told["routes"]).installed(closes_network=told["closes_network"]):
        runpy.run_module("shipmate", run_name="__main__")


def _tell_when_settled(descriptor: int) -> None:
    """Write a line for each message that the step settles: all that it emitted has been confirmed by then."""
    from shipmate.container.amqp import Broker

    settle = Broker.settle

    def told(broker: Broker, delivery: Any, *, is_success: bool) -> None:
        settle(broker, delivery, is_success=is_success)
        os.write(descriptor, f"{delivery.message_id}\n".encode())

    # In this process alone, which ends with the test.
    setattr(Broker, "settle", told)  # noqa: B010 - an assignment is one that the types refuse


if __name__ == "__main__":
    main()
