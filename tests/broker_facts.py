"""What RabbitMQ knows of its clients, and what it does to them when a test asks."""

from shipmate.emulator import RabbitMQNode, StepQueues

_NAMED = """[{binary_to_list(Name), Pid}
    || [{pid, Pid}, {client_properties, Properties}] <- rabbit_networking:connection_info_all([pid, client_properties]),
       {<<"connection_name">>, _, Name} <- Properties]"""


def connection_names(node: RabbitMQNode) -> str:
    """Return the names that clients gave their connections: ``["host-read","host-write"]``."""
    return node.evaluate(f"[Name || {{Name, _}} <- {_NAMED}]")


def close_connections(node: RabbitMQNode, side: str) -> None:
    """Have the broker close the connections of one side, ``read`` or ``write``, of all containers."""
    close = 'rabbit_networking:close_connection(Pid, "closed by a test")'
    node.evaluate(f'[{close} || {{Name, Pid}} <- {_NAMED}, lists:suffix("-{side}", Name)]')


def unacknowledged(node: RabbitMQNode, queues: StepQueues) -> int:
    """Return how many inputs are delivered and not settled."""
    return int(_of_input(queues, node, "[{_, Count}] = rabbit_amqqueue:info(Queue, [messages_unacknowledged]), Count"))


def prefetch(node: RabbitMQNode, queues: StepQueues) -> int:
    """Return how many messages the one consumer of the input may hold."""
    return int(_of_input(queues, node, "[Consumer] = rabbit_amqqueue:consumers(Queue), element(4, Consumer)"))


def _of_input(queues: StepQueues, node: RabbitMQNode, expression: str) -> str:
    name = queues.queue("input")
    found = f'{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{name}">>))'
    return node.evaluate(f"begin {found}, {expression} end")
