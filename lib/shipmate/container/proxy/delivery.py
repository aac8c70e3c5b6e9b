"""A message as the proxy delivers it."""

from dataclasses import dataclass, field
from typing import Any

from shipmate.container.proxy.post import Post
from shipmate.container.proxy.requests import id_text
from shipmate.container.transport import Delivery


@dataclass(slots=True, eq=False)
class ProxyDelivery(Delivery):
    """A message, in work until the proxy has accepted its finish."""

    epoch: int
    """Number of the connection that it came on; the first one of this process has 0."""
    finish: Post | None = field(default=None, init=False)
    """The request that finishes it, None while it is in work."""

    @property
    def is_claimed(self) -> bool:
        """True if it is claimed on the next connection: it has an id, and the proxy cannot have finished it yet."""
        return self.incoming_id is not None and (self.finish is None or not self.finish.is_sent)

    @property
    def incoming_id(self) -> str | None:
        """The id that events and the finish name."""
        return id_text(self.metadata.get("messageId"))

    @property
    def ids(self) -> dict[str, Any]:
        """The ids for log records."""
        return {name: self.metadata.get(name, "unknown") for name in ("threadId", "messageId", "parentMessageId")}

    def adopt(self, again: "ProxyDelivery") -> None:
        """Belong to the connection of the redelivery."""
        self.epoch = again.epoch
