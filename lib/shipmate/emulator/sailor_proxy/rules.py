"""The choices of a proxy that the contract leaves open, or that a test wants to be unusual."""

from dataclasses import dataclass

from h2.settings import SettingCodes


@dataclass(slots=True)
class MessageRules:
    """The proxy's choices about messages.

    Args:
        keep_seconds: How long the messages of a lost client are kept for its claim.
        returns_unclaimed: Whether messages that a claim leaves out are delivered again at once.
        rebound_delay_ms: The delay of the first rebound; each further one doubles it.
        rebound_limit: The number of rebounds of a message.
    """

    keep_seconds: float = 5.0
    returns_unclaimed: bool = False
    rebound_delay_ms: int = 15_000
    rebound_limit: int = 20


@dataclass(slots=True)
class WireRules:
    """The proxy's choices about the wire; they count for connections that are opened later.

    Args:
        window_bytes: The window that a client gets for each stream.
        max_streams: The number of streams that a client may have open at once.
        frame_bytes: The largest frame that the proxy accepts.
        answers_pings: Whether PING is answered.
    """

    window_bytes: int = 65_535
    max_streams: int = 100
    frame_bytes: int = 16_384
    answers_pings: bool = True

    def settings(self) -> dict[SettingCodes | int, int]:
        """Return the SETTINGS."""
        return {
            SettingCodes.INITIAL_WINDOW_SIZE: self.window_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: self.max_streams,
            SettingCodes.MAX_FRAME_SIZE: self.frame_bytes,
        }
