"""Correct uses of all that component authors import; type checkers find nothing in them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from shipmate import (
    AsyncContext,
    Attachment,
    Context,
    HttpReply,
    Message,
    OAuth2,
    OAuth2Session,
    Policy,
    ReauthorizationRequired,
    Session,
    Verdict,
    message,
)
from shipmate.kit import After, Answer, Echo, Webhook, counter, delta, keyset, listing

CONTACTS = OAuth2(
    "https://provider.example/token",
    client_id="{{CLIENT_ID}}",
    send=("scope",),
    expired=lambda response: response.status_code == 403,
)


def every_event(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    context.emit("data", message({"id": 7}, headers={"x-total": "1"}))
    context.emit("data", {"body": msg["body"], "id": "7", "attachments": {"a.csv": {"url": "https://files.example/a"}}})
    context.emit("data", {**msg, "body": None})
    context.emit("error", ValueError("wrong"))
    context.emit("error", "wrong")
    context.emit("error", {"message": "wrong", "name": "Refused"})
    context.emit("rebound", "the API is busy")
    context.emit("rebound", ReauthorizationRequired("sign in"))
    context.emit("snapshot", {"page": snapshot.get("page", 0) + 1})
    context.emit("updateSnapshot", {"page": 1})
    context.emit("updateKeys", {"oauth": {"access_token": "a"}})
    context.emit("httpReply", {"statusCode": 201, "body": "done", "headers": {"etag": "1"}})
    reply: HttpReply = {"statusCode": 204}
    context.emit("httpReply", reply)
    context.emit("end")
    return {"body": {}}


def every_service(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Iterator[Message]:
    context.logger.trace("page %s", 1)
    context.logger.child({"page": 1}).info("read")
    with context.oauth2(cfg, refresh="before_expiry", scopes=["a", "b"]) as session:
        session.timeout = 5
        answer = session.post("https://api.example/contacts", json=msg["body"], params={"dry": 1}, stream=True)
    stored: Attachment = context.attachments.upload("a.csv", answer.content, "text/csv")
    for each in msg.get("attachments", {}).values():
        context.attachments.open(each["url"]).read()
    workspace = context.api.get("/v2/workspaces/7", params={"region": context.flow_variables["region"]}).json()
    yield message({"workspace": workspace, "of": msg.get("headers", {})}, attachments={"a.csv": stored})


def every_account(context: Context | AsyncContext, cfg: dict[str, Any]) -> Session:
    session = context.session(cfg, auth=("api_key", "none"), header="X-Key: {apiKey}", hosts=["{base_url}"])
    context.session(cfg, query="key={apiKey}", basic="{user}:{pin}", refresh="before_expiry")
    session.require_success(session.post("{base_url}/contacts", json={}, repeatable=True)).json()
    retries: str = session.fields["retries"]
    context.logger.info("attempts: %s of %s", session.policy.attempts, retries)
    return context.session(cfg, policy=Policy(attempts=2, backoff="none", statuses="429, 503", repeat="all"))


async def every_way_to_wait(context: AsyncContext, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    await context.emit("data", msg)
    await asyncio.gather(context.emit("data", msg), context.emit("snapshot", {"page": 1}))
    task = asyncio.create_task(context.emit("end"))
    shared_helper(context, cfg).close()
    await task


async def asynchronous_generator(
    context: AsyncContext, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]
) -> AsyncIterator[Message]:
    yield message({"token": context.oauth2(cfg).access_token()})


def shared_helper(context: Context | AsyncContext, cfg: dict[str, Any]) -> OAuth2Session:
    context.logger.info("open")
    return CONTACTS.session(context, cfg)


def verify_credentials(context: Context, credentials: dict[str, Any]) -> Verdict:
    if not context.oauth2(credentials).get("https://api.example/me").ok:
        return {"verified": False, "reason": "the API does not know this account"}
    return {"verified": True}


CHANGES = keyset(("updated", "created"), compare="two", format="seconds")
TOKENS = delta(version="etag")
NUMBERS = counter("number", read_old=lambda old: old.get("last"))
PAGES = listing("id", time="updated")
WEBHOOK = Webhook("X-Sign", encoding="base64", challenges=[Echo(query="challenge")])


def every_way_to_poll(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    def fetch(after: After, until: Any, limit: int) -> list[dict[str, Any]]:
        return [{"id": after.id, "updated": after.time}][:limit]

    def fetch_changes(token: str | None, limit: int) -> Answer:
        return Answer([], next=token or "1", more=False)

    def fetch_page(position: str | int | None, since: Any, limit: int) -> Answer:
        return Answer([], next=None)

    def fetch_greater(after: int | None, limit: int) -> list[dict[str, Any]]:
        return [{"number": (after or 0) + 1}][:limit]

    CHANGES.poll(context, cfg, snapshot, fetch, of=["contacts"], body=lambda record: record["id"])
    TOKENS.poll(context, cfg, snapshot, fetch_changes, with_deleted=True)
    NUMBERS.poll(context, cfg, snapshot, fetch_greater, of="invoices")
    PAGES.poll(context, cfg, snapshot, fetch_page)
    for page in CHANGES.pages(cfg, snapshot, fetch):
        for each in page.messages:
            context.emit("data", each)
        if page.snapshot is not None:
            context.emit("snapshot", page.snapshot)
    received = WEBHOOK.receive(context, msg, cfg)
    if not received.is_challenge:
        context.emit("data", message(received.event))
