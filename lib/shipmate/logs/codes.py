"""The codes of log lines: stable names for counts and alerts.

A code stands for one text of a log call, with its placeholders: the text may be reworded, the code stays. The page
``docs/reference/logs.md`` says what each one means and who must act.
"""

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "shipmate": {
        "an exception ends the process": "process_crashed",
        "an exception ends the thread %s": "thread_crashed",
        "%s %s": "exception_ignored",
    },
    "shipmate.access": {
        "a message is done": "access",
    },
    "shipmate.amqp": {
        "the %s to the broker was lost: %s": "connection_lost",
        "the broker cancelled the consumer: subscribing again": "consumer_cancelled",
        "the broker blocks publishing": "publishing_blocked",
        "the broker allows publishing": "publishing_allowed",
        "publishing failed, retrying": "publishing_retried",
        "no confirm from the broker for %d s: opening another channel": "confirm_missing",
        "could not publish the copy of an error to reply_to: %s": "error_copy_failed",
        "no copy of the error for the caller: reply_to leads back to this step, or to other errors": (
            "error_copy_withheld"
        ),
        "no refresh lock within %g s, continuing without it: %s is in use": "lock_in_use",
        "for the next %g s, waiting %g s at most for this lock; if no container uses it, delete the queue": (
            "lock_wait_shortened"
        ),
        "the broker refuses the refresh lock, continuing without it": "lock_refused",
        "internal error in the connection to the broker": "broker_internal_error",
    },
    "shipmate.invocation": {
        "%s: %s": "function_failed",
        "%s": "function_failed",
        "the error event could not be handed over: %s": "error_not_handed_over",
        '"%s" was emitted after the end of its message: it is lost': "emitted_too_late",
        "the function has emitted end twice: the second one is ignored": "end_emitted_twice",
        "updateSnapshot takes an object with the members to change: the event is ignored": "snapshot_not_an_object",
        "updateSnapshot takes the members to change, not $set: the event is ignored": "snapshot_with_set",
    },
    "shipmate.kit.polling": {
        "the snapshot belongs to other settings of this trigger: polling starts over": "polling_restarted",
        "the API has forgotten the place of the last run: all records are read again": "polling_place_forgotten",
        "%d records have a time in the future in %s: the position stays before it": "records_in_the_future",
        "the run ends after %d pages; the next one goes on behind them": "polling_continues_later",
        "%s: all records before this time are read, later runs find nothing more": "polling_finished",
    },
    "shipmate.oauth2": {
        "refreshed keys could not be saved and are lost: %s": "keys_lost",
        "another process has refreshed %s at the same moment: its keys are used": "keys_raced",
        (
            "another process has refreshed %s at the same moment: its keys are used; if %s takes that for theft, "
            "it revokes them, and the account must sign in again"
        ): "keys_raced_unlocked",
        "the stored keys cannot be read": "stored_keys_unreadable",
        "the token could not be refreshed before its expiry": "early_refresh_failed",
        "the token endpoint has given no token": "token_not_granted",
        "%s": "refresh_waits",
        "no refresh lock, continuing without it": "lock_missing",
        "a refresh lock cannot be released": "lock_not_released",
        "the token was refreshed, but the body cannot be sent twice: the first answer is returned": (
            "body_not_repeatable"
        ),
        "the function in the option %s has raised an error: it is ignored": "option_function_failed",
        "the platform refreshes this secret: the refresh option is ignored": "refresh_option_ignored",
        "%s has blanks around it: they are not sent": "option_with_blanks",
        "new keys are not saved: give the keys in a file, --account FILE, to keep them": "keys_not_kept",
        "new keys of another account are not saved: %s": "account_keys_not_kept",
    },
    "shipmate.operations": {
        "internal error of the HTTP port": "port_internal_error",
        "the health file cannot be written: %s": "health_file_not_written",
        "listening for probes": "listening",
    },
    "shipmate.proxy": {
        "the connection to the sailor proxy was lost: %s": "proxy_connection_lost",
        "the connection to the sailor proxy is back": "proxy_connection_back",
        "the sailor proxy does not accept the claim of the messages in work: %s": "claim_not_accepted",
        "a poll of the sailor proxy failed: %s": "poll_failed",
        (
            "the sailor proxy refuses polls (status %d): check ELASTICIO_SAILOR_PROXY_JWT_SECRET and ELASTICIO_API_KEY"
        ): "polls_refused",
        "the sailor proxy answers polls again": "polls_answered",
        "a request failed, repeating it": "request_repeated",
        "the sailor proxy refuses the finish of a message: %s": "finish_refused",
        "a message cannot be read, and goes back with its connection: %s": "message_unreadable",
        "a message has no messageId: it cannot be finished by its name, or claimed": "message_without_id",
        "a message in work was delivered again, and is not processed twice": "message_delivered_again",
        "internal error in the connection to the sailor proxy": "proxy_internal_error",
    },
    "shipmate.service": {
        "the method failed": "method_failed",
        "the method did not end in time": "method_timed_out",
        "variables are missing: %s": "variables_missing",
        "CFG is not JSON": "cfg_not_json",
        "verify_credentials cannot be used": "verifier_unusable",
        "new keys could not be saved": "service_keys_not_saved",
        "stopping, as soon as no keys are being refreshed": "service_stopping",
        "the result was delivered": "result_delivered",
    },
    "shipmate.session": {
        "a field of the account or the step has a wrong value: %s": "field_limited",
    },
    "shipmate.step": {
        "%s": "process_failed",
        "%s: %s": "process_failed",
        "the connection to the broker is lost: ending with status 1, for a restart": "broker_given_up",
        "a message could not be decoded: %s": "message_undecodable",
        "a message could not be processed": "message_failed",
        "the error of a message could not be published: %s": "error_not_published",
        "%s: only scheme, host and port count; the rest is ignored": "proxy_address_with_path",
        "consuming": "consuming",
        "%s: stopping when the messages in work are done": "stopping",
        "threads of the component end with the process: %s": "threads_left",
    },
    "shipmate.tls": {
        "%s: expected a file of certificates as PEM, found %s: it is ignored": "certificates_ignored",
    },
    "shipmate.traces": {
        "a span cannot begin: %s": "span_not_begun",
        "a span cannot be exported: %s": "span_not_exported",
    },
}
"""The codes by the name of the logger and the text."""
_NONE: Final[Mapping[str, str]] = {}


def code_of(logger_name: str, text: object) -> str | None:
    """Return the code of a log call, None if it has none.

    Args:
        logger_name: The name of the logger.
        text: The text of the call, before its arguments are filled in.

    >>> code_of("shipmate.amqp", "the broker blocks publishing"), code_of("component", "%s")
    ('publishing_blocked', None)
    """
    return CODES.get(logger_name, _NONE).get(text) if isinstance(text, str) else None
