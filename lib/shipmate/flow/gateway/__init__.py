"""Webhooks: an HTTP endpoint that makes messages of requests, and answers of replies."""

from shipmate.flow.gateway.authorization import Authorization
from shipmate.flow.gateway.endpoint import Gateway, webhook_url
from shipmate.flow.gateway.hook import Hook, hook_of, is_webhook
from shipmate.flow.gateway.limits import Limits
from shipmate.flow.gateway.ports import Publish, StepFailure, StepReply, Storage, StoredFile, reply_from

__all__ = [
    "Authorization",
    "Gateway",
    "Hook",
    "Limits",
    "Publish",
    "StepFailure",
    "StepReply",
    "Storage",
    "StoredFile",
    "hook_of",
    "is_webhook",
    "reply_from",
    "webhook_url",
]
