"""The variables that the platform sets for the containers of a flow: names, keys, addresses."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shipmate.emulator import Platform
from shipmate.flow.topology import EVENTS, Station, Topology

_PREFIX: Final = "ELASTICIO_"
_PER_RUN: Final = ("HOOK_SHUTDOWN", "STARTUP_REQUIRED", "COMPONENT_PATH", "ADDITIONAL_VARS_FOR_HEADERS", "EXEC_TYPE")
"""Variables of the platform that a person's own environment must not set for all steps."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all steps of one run share."""

    topology: Topology
    platform: Platform = field(repr=False)
    run_id: str
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    iv: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)
    is_persistent: bool = True
    """Whether messages survive a restart of the broker."""

    def environ(self, station: Station, amqp_uri: str, *, container: int = 1) -> dict[str, str]:
        """Return the variables of a container, without those of its process.

        Args:
            station: The step.
            amqp_uri: The address of the broker, or of a pass-through.
            container: The number of the container.
        """
        topology = self.topology
        values: dict[str, object] = {
            "EXEC_ID": self.run_id,
            "CONTAINER_ID": f"{self.run_id}-{station.number}-{container}",
            "USER_ID": "user",
            "COMP_ID": station.component,
            "COMP_NAME": station.component,
            "FUNCTION": station.function,
            "AMQP_URI": amqp_uri,
            "LISTEN_MESSAGES_ON": topology.queue(station),
            "PUBLISH_MESSAGES_TO": topology.exchange,
            **{f"{event.upper()}_ROUTING_KEY": station.key(event) for event in EVENTS},
            "MESSAGE_CRYPTO_PASSWORD": self.password,
            "MESSAGE_CRYPTO_IV": self.iv,
            "RABBITMQ_PREFETCH_SAILOR": station.prefetch,
            "AMQP_PERSISTENT_MESSAGES": str(self.is_persistent).lower(),
            "NO_SELF_PASSTRHOUGH": "true",
            "EMIT_LIGHTWEIGHT_MESSAGE": "true",
        }
        if station.takes_errors:
            values["INPUT_FORMAT"] = "error"
        ours = {f"{_PREFIX}{name}": str(value) for name, value in values.items()}
        return {**self.platform.environ(topology.flow.id, station.id), **ours, "SHIPMATE_TRANSPORT": "amqp"}

    def process_environ(
        self, station: Station, amqp_uri: str, *, container: int, own: Mapping[str, str]
    ) -> dict[str, str]:
        """Return all variables of a container's process.

        Args:
            station: The step.
            amqp_uri: The address of the broker, or of a pass-through.
            container: The number of the container.
            own: The variables of the component's ``.env``, under those of this process.
        """
        given = {name: value for name, value in {**own, **os.environ}.items() if name not in _DROPPED}
        level = station.node.log_level if station.node is not None else "info"
        return {"LOG_LEVEL": level, **given, **self.environ(station, amqp_uri, container=container)}

    def headers(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return the AMQP headers of a message that the platform itself puts into a queue."""
        platform = self.platform
        return {
            "execId": self.run_id,
            "taskId": self.topology.flow.id,
            "workspaceId": platform.workspace_id,
            "userId": "user",
            **given,
        }


_PER_CONTAINER: Final = ("SHIPMATE_HTTP_PORT", "SHIPMATE_HEALTH_FILE", "SHIPMATE_METRICS")
"""Variables that containers on one machine cannot share, since they name a port and a file."""
_DROPPED: Final = frozenset((*(f"{_PREFIX}{name}" for name in _PER_RUN), *_PER_CONTAINER))
