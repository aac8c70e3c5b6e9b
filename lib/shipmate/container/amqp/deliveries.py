"""A message as RabbitMQ delivers it."""

from dataclasses import dataclass, field
from typing import Any

from shipmate.container.transport import Delivery


@dataclass(slots=True, eq=False)
class AmqpDelivery(Delivery):
    """A message as the broker delivered it; the tag changes when it is delivered again on a later channel."""

    properties: Any = field(repr=False)
    """The AMQP properties, as pika's object; a rebound publishes them again."""
    tag: int
    epoch: int
    """Number of the channel that the tag belongs to; the first channel of this process has 0."""
    exchange: str = ""
    routing_key: str = ""
    consumer_tag: str = ""

    def adopt(self, again: "AmqpDelivery") -> None:
        """Use the tag of the redelivery."""
        self.tag, self.epoch = again.tag, again.epoch

    def log_fields(self) -> dict[str, Any]:
        """Return where the message came from. Source: contract §13."""
        return {
            "consumerTag": self.consumer_tag,
            "deliveryTag": self.tag,
            "redelivered": self.is_redelivered,
            "exchange": self.exchange,
            "routingKey": self.routing_key,
        }
