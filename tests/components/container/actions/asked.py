"""Answers questions as its ``cfg`` says."""

import os
import threading


def process(context, msg, cfg, snapshot):
    """Do nothing."""


def get_meta_model(context, cfg):
    """Return the ``answer`` in cfg, after what else it asks for."""
    if keys := cfg.get("new_keys"):
        context.emit("updateKeys", keys)
    if cfg.get("fail"):
        raise ValueError(cfg["fail"])
    if cfg.get("exit"):
        raise SystemExit(3)
    if cfg.get("hang"):
        threading.Event().wait()
    if cfg.get("call"):
        response = context.oauth2(cfg).get(os.environ["TEST_API"] + "/me")
        return {"status": response.status_code}
    return cfg.get("answer")


async def objects(context, cfg):
    """Return a select model."""
    return {"a": "Account", "c": "Contact"}
