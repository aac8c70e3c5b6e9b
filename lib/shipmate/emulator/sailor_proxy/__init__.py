"""A sailor proxy for tests and demonstrations: the platform's side of a step over HTTP/2."""

from shipmate.emulator.sailor_proxy.fault import ProxyFault
from shipmate.emulator.sailor_proxy.proxy import SailorProxy
from shipmate.emulator.sailor_proxy.request import ProxyRequest
from shipmate.emulator.sailor_proxy.rules import MessageRules, WireRules

__all__ = ["MessageRules", "ProxyFault", "ProxyRequest", "SailorProxy", "WireRules"]
