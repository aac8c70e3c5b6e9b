"""A message as the proxy delivers it."""

from dataclasses import dataclass, field
from typing import Any

from shipmate.container.proxy.requests import id_text
from shipmate.container.proxy.sender import Post
from shipmate.container.transport import Delivery


@dataclass(slots=True, eq=False)
class ProxyDelivery(Delivery):
    """A message, in work until the proxy has accepted its finish."""

    epoch: int
    """Number of the connection that it came on; the first one of this process has 0."""
    finish: Post | None = field(default=None, init=False)
    """The request that finishes it, None while it is in work."""

    @property
    def claimed_id(self) -> Any:
        """The id by which the message is claimed, None if it has none or may be finished already."""
        if self.finish is not None and self.finish.is_unsure:
            return None
        value = self.metadata.get("messageId")
        return None if value == "" else value

    @property
    def incoming_id(self) -> str | None:
        """The id that events and the finish name."""
        return id_text(self.metadata.get("messageId"))

    def adopt(self, again: "ProxyDelivery") -> None:
        """Belong to the connection of the redelivery."""
        self.epoch = again.epoch
