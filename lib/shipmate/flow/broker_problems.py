"""Words the reasons why a broker cannot be used, and what a person can do about each of them."""

import socket
import ssl
from typing import Final

from pika.exceptions import IncompatibleProtocolError, ProbableAccessDeniedError, ProbableAuthenticationError

from shipmate.container.amqp.connection import innermost
from shipmate.wording import file_problem

VARIABLE: Final = "SHIPMATE_AMQP_URI"
"""The variable with the address of the broker."""


def connection_problem(error: BaseException, origin: str | None) -> str:
    """Return the end of a sentence: why a broker cannot be connected to, and what to do.

    Args:
        error: An exception of pika, or of the operating system.
        origin: The option or the variable with the address; None for a private broker, which nobody has to correct.

    >>> connection_problem(ConnectionRefusedError(111, "Connection refused"), "--amqp")
    'connection refused; start a broker there, or correct --amqp'
    """
    found, advice = _problem(innermost(error))
    return f"{found}; {advice} {origin}" if origin is not None else found


def _problem(error: BaseException) -> tuple[str, str]:
    """Return the reason, and what to do as text before the name of an option."""
    match error:
        case socket.gaierror():
            return "the name of its host is not found", "correct the host in"
        case ConnectionRefusedError():
            return "connection refused", "start a broker there, or correct"
        case ProbableAuthenticationError():
            return "access refused for its user or password", "correct both in"
        case ProbableAccessDeniedError():
            found = "access refused: the vhost does not exist, or is not allowed for the user"
            return found, "permit it by rabbitmqctl set_permissions, or correct the vhost in"
        case ssl.SSLCertVerificationError():
            return "its certificate is not trusted", "name its authority in NODE_EXTRA_CA_CERTS, or correct"
        case ssl.SSLError():
            return "no TLS", "write amqp:// in place of amqps://, or correct the port in"
        case IncompatibleProtocolError():
            return "no AMQP", "correct host and port in"
        case TimeoutError():
            return "no answer in time", "correct host and port in"
        case OSError():
            return file_problem(error), "correct"
    return "it ended the connection", "correct"


def refusal_advice(origin: str | None) -> str:
    """Return what to do if a user may not declare exchanges and queues, as the end of a sentence."""
    if origin is None:
        return ""
    return f"; permit exchanges and queues by rabbitmqctl set_permissions, or correct the user in {origin}"
