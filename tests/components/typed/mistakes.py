"""Mistakes of component authors that type checkers find: what mypy calls each, then what pyright does."""

from collections.abc import Iterator
from typing import Any

import shipmate
from shipmate import AsyncContext, Context, Message, OAuth2, Policy, Verdict, message
from shipmate.kit import After, keyset

Cfg = dict[str, Any]


def a_misspelt_import() -> None:
    from shipmate import Contxt  # noqa: F401  # expect: attr-defined, reportAttributeAccessIssue


def a_misspelt_function_of_the_package() -> None:
    shipmate.mesage({})  # expect: attr-defined, reportAttributeAccessIssue


def a_misspelt_member_of_the_context(context: Context) -> None:
    context.emti("data", message({}))  # expect: attr-defined, reportAttributeAccessIssue


def a_misspelt_event(context: Context) -> None:
    context.emit("dta", message({}))  # expect: call-overload, reportCallIssue


def a_text_instead_of_a_message(context: Context) -> None:
    context.emit("data", "Ada")  # expect: call-overload, reportCallIssue


def an_emitted_message_with_a_misspelt_body(context: Context) -> None:
    context.emit("data", {"bdoy": {}})  # expect: call-overload, reportCallIssue


def a_yielded_message_with_misspelt_headers() -> Iterator[Message]:
    yield {"body": {}, "heades": {}}  # expect: typeddict-unknown-key, reportReturnType


def a_misspelt_member_of_the_message(msg: Message) -> object:
    return msg["bdoy"]  # expect: typeddict-item, reportGeneralTypeIssues


def a_snapshot_that_is_no_object(context: Context) -> None:
    context.emit("snapshot", 7)  # expect: call-overload, reportCallIssue


def a_reply_without_a_status(context: Context) -> None:
    context.emit("httpReply", {"status": 200})  # expect: call-overload, reportCallIssue


def a_rebound_without_a_reason(context: Context) -> None:
    context.emit("rebound", None)  # expect: call-overload, reportCallIssue


def an_end_with_a_value(context: Context) -> None:
    context.emit("end", message({}))  # expect: call-overload, reportCallIssue


async def a_forgotten_await(context: AsyncContext) -> None:
    context.emit("data", message({}))  # expect: unused-coroutine, reportUnusedCoroutine


async def an_await_with_the_context_of_a_plain_function(context: Context) -> None:
    await context.emit("data", message({}))  # expect: misc, reportGeneralTypeIssues


def a_misspelt_option(context: Context, cfg: Cfg) -> None:
    context.oauth2(cfg, refesh="on_401")  # expect: call-arg, reportCallIssue


def a_value_that_an_option_does_not_have(context: Context, cfg: Cfg) -> None:
    context.oauth2(cfg, refresh="always")  # expect: arg-type, reportArgumentType


def a_misspelt_option_of_a_provider() -> None:
    OAuth2("https://provider.example/token", clientid="id")  # expect: call-arg, reportCallIssue


def a_provider_that_gets_no_context(cfg: Cfg) -> None:
    OAuth2("https://provider.example/token").session(cfg, cfg)  # expect: arg-type, reportArgumentType


def a_misspelt_method_of_the_session(context: Context, cfg: Cfg) -> None:
    context.oauth2(cfg).gett("https://api.example/me")  # expect: attr-defined, reportAttributeAccessIssue


def a_misspelt_argument_of_a_request(context: Context, cfg: Cfg) -> None:
    context.oauth2(cfg).get("https://api.example/me", parms={})  # expect: call-arg, reportCallIssue


def a_misspelt_method_of_the_api(context: Context) -> None:
    context.api.gett("/v2/workspaces")  # expect: attr-defined, reportAttributeAccessIssue


def an_attachment_that_is_no_content(context: Context) -> None:
    context.attachments.upload("a.csv", 7)  # expect: arg-type, reportArgumentType


def a_misspelt_member_of_an_attachment(context: Context) -> object:
    return context.attachments.upload("a.csv", b"1")["uri"]  # expect: typeddict-item, reportGeneralTypeIssues


def a_misspelt_level_of_the_logger(context: Context) -> None:
    context.logger.tarce("page read")  # expect: attr-defined, reportAttributeAccessIssue


def a_flow_variable_that_is_changed(context: Context) -> None:
    context.flow_variables["region"] = "eu"  # expect: index, reportIndexIssue


def verify_credentials(context: Context, credentials: Cfg) -> Verdict:
    return {"verfied": True}  # expect: typeddict-unknown-key, reportReturnType


def a_misspelt_option_of_a_session(context: Context, cfg: Cfg) -> None:
    context.session(cfg, polcy=Policy())  # expect: call-arg, reportCallIssue


def an_unknown_kind_of_account(context: Context, cfg: Cfg) -> None:
    context.session(cfg, auth="ntlm")  # expect: arg-type, reportArgumentType


def a_policy_with_a_misspelt_backoff() -> None:
    Policy(backoff="linear")  # expect: arg-type, reportArgumentType


def a_misspelt_member_of_a_session(context: Context, cfg: Cfg) -> None:
    context.session(cfg).requir_success  # noqa: B018  # expect: attr-defined, reportAttributeAccessIssue


def a_misspelt_way_to_compare() -> None:
    keyset("updated", compare="ord")  # expect: arg-type, reportArgumentType


def a_fetch_without_a_limit(context: Context, cfg: Cfg) -> None:
    def fetch(after: After, until: Any) -> list[Any]:
        return [after, until]

    keyset("updated").poll(context, cfg, {}, fetch)  # expect: arg-type, reportArgumentType
