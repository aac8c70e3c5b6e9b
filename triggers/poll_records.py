"""Trigger: page through a collection and emit its records; the snapshot keeps the place.

The snapshot is ``{"position": ..., "done": [...]}``: where the current page is, and which of its records have been
emitted, each as a short hash. It is emitted after the records of a page are safe. So nothing is ever lost; and should
the process die between a page and its snapshot, the next run emits that page's records again with the same message
ids, by which the steps that follow can tell that they are the same.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rest.paging import Collection, Page, find
from rest.sending import Retries
from shipmate import message

_NAMESPACE = uuid.UUID("6f0f9d2a-6f5e-5c55-9d53-0d6b5f0c7a11")


def process(context: Any, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit what is new since the snapshot."""
    collection = Collection.from_cfg(cfg)
    api, retries = context.oauth2(cfg), Retries.from_cfg(cfg)
    position = snapshot.get("position", collection.start)
    done = set(snapshot.get("done", []))
    visited: set[str | int] = set()
    while True:
        if position in visited:
            raise ValueError("paging: the API names a page as the next one that was read before")
        visited.add(position)
        page = collection.read(api, cfg, position, retries)
        for data in _messages(page, done, cfg):
            context.emit("data", data)
        is_last = page.next is None
        place = (
            # The last page is read again by the next run: it may have got longer.
            {"position": position, "done": _keys(page, cfg)} if is_last else {"position": page.next, "done": []}
        )
        if place != snapshot:
            context.emit("snapshot", place)
            snapshot = place
        if page.next is None:
            return
        position, done = page.next, set()


def get_meta_model(context: Any, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the messages by the first records of the collection."""
    properties: dict[str, Any] = {}
    for record in _first_records(context, cfg):
        properties |= {name: {"type": _type(value), "title": name} for name, value in record.items()}
    out: dict[str, Any] = {"type": "object", "properties": properties}
    if cfg.get("emit") == "page":
        records = {"type": "array", "required": True, "items": out}
        out = {"type": "object", "properties": {"records": records}}
    return {"out": out}


def record_fields(context: Any, cfg: dict[str, Any]) -> dict[str, str]:
    """List the fields of the first records, for the choice of the one that identifies a record."""
    return {name: name for record in _first_records(context, cfg) for name in record}


def _messages(page: Page, done: set[str], cfg: dict[str, Any]) -> Iterator[dict[str, Any]]:
    new = {key: record for key, record in zip(_keys(page, cfg), page.records, strict=True) if key not in done}
    if cfg.get("emit") == "page":
        if new:
            yield _message({"records": list(new.values())}, "".join(new), cfg)
    else:
        for key, record in new.items():
            yield _message(record if isinstance(record, dict) else {"value": record}, key, cfg)


def _message(body: dict[str, Any], key: str, cfg: dict[str, Any]) -> dict[str, Any]:
    identity = f"{cfg.get('base_url')} {cfg.get('path')} {key}"
    return {"id": str(uuid.uuid5(_NAMESPACE, identity)), **message(body)}


def _keys(page: Page, cfg: dict[str, Any]) -> list[str]:
    """Return a key for each record; of two that are the same, the second is another one."""
    counts: Counter[str] = Counter()
    keys = []
    for record in page.records:
        key = _key(record, cfg)
        keys.append(f"{key}-{counts[key]}" if counts[key] else key)
        counts[key] += 1
    return keys


def _key(record: Any, cfg: dict[str, Any]) -> str:
    """Return a short hash of what identifies a record; snapshots must stay below 5 KB."""
    identity = find(record, cfg.get("id_field") or "")
    text = json.dumps(record if identity is None else identity, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _first_records(context: Any, cfg: dict[str, Any]) -> list[dict[str, Any]]:
    collection = Collection.from_cfg(cfg)
    page = collection.read(context.oauth2(cfg), cfg, collection.start, Retries.from_cfg(cfg))
    return [record for record in page.records[:10] if isinstance(record, dict)]


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "string")
