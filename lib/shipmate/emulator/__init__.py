"""Servers for tests and demonstrations: an OAuth2 provider, a protected API, the platform, and a private RabbitMQ.

The HTTP servers listen on local ports, record all requests in one journal and fail on demand. `StepQueues` plays the
platform's part for one step at a broker, `SailorProxy` over HTTP/2.

>>> import requests
>>> from shipmate.emulator import DemoApi, Fault, OAuth2Provider, Platform
>>> with OAuth2Provider({"id": "secret"}) as provider, DemoApi(provider) as api:
...     oauth = provider.issue(expired=True)
...     api.script("/me", Fault(status=503))
...     [
...         requests.get(api.url + "/me", headers={"Authorization": "Bearer " + oauth["access_token"]}).status_code
...         for attempt in range(2)
...     ]
[503, 401]
>>> [(each.server, each.path, each.status) for each in provider.journal.requests]
[('api', '/me', 503), ('api', '/me', 401)]
"""

from typing import TYPE_CHECKING

from shipmate.emulator.api import Api, DemoApi
from shipmate.emulator.grants import OAuth2Refusal
from shipmate.emulator.http import Fault, Server
from shipmate.emulator.journal import Journal, Reply, Request
from shipmate.emulator.oauth2 import OAuth2Provider
from shipmate.emulator.platform import Platform
from shipmate.faces import lazy_face

if TYPE_CHECKING:
    from shipmate.emulator.rabbitmq import RabbitMQNode, RabbitMQNotInstalled, RabbitMQNotStarted
    from shipmate.emulator.sailor_proxy import ProxyFault, ProxyRequest, SailorProxy
    from shipmate.emulator.step_queues import StepQueues
    from shipmate.emulator.step_traffic import NotTaken, Received, StepTraffic

__all__ = [
    "Api",
    "DemoApi",
    "Fault",
    "Journal",
    "NotTaken",
    "OAuth2Provider",
    "OAuth2Refusal",
    "Platform",
    "ProxyFault",
    "ProxyRequest",
    "RabbitMQNode",
    "RabbitMQNotInstalled",
    "RabbitMQNotStarted",
    "Received",
    "Reply",
    "Request",
    "SailorProxy",
    "Server",
    "StepQueues",
    "StepTraffic",
]


if not TYPE_CHECKING:  # what needs a transport: the demo and most tests use neither AMQP nor HTTP/2
    __getattr__, __dir__ = lazy_face(
        __name__,
        __all__,
        {
            "NotTaken": "shipmate.emulator.step_traffic",
            "ProxyFault": "shipmate.emulator.sailor_proxy",
            "ProxyRequest": "shipmate.emulator.sailor_proxy",
            "RabbitMQNode": "shipmate.emulator.rabbitmq",
            "RabbitMQNotInstalled": "shipmate.emulator.rabbitmq",
            "RabbitMQNotStarted": "shipmate.emulator.rabbitmq",
            "Received": "shipmate.emulator.step_traffic",
            "SailorProxy": "shipmate.emulator.sailor_proxy",
            "StepQueues": "shipmate.emulator.step_queues",
            "StepTraffic": "shipmate.emulator.step_traffic",
        },
    )
