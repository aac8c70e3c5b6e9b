"""The errors of shipmate, ordered by who must act.

    ShipmateError
    ├─ AuthorError                  fix the component            exit 1
    │  ├─ DescriptorError             component.json or a schema is invalid (exit 2: nothing has run)
    │  ├─ ModuleNotLoadable           a module is missing or fails to import
    │  ├─ FunctionNotFound            a module lacks a function
    │  │  └─ WrongSignature             a function takes other arguments
    │  ├─ InvalidMessage              an emitted value is not a message, or not JSON
    │  ├─ UnknownEvent                an emitted event does not exist
    │  ├─ MessageEnded                an event was emitted after the end of its message
    │  ├─ WorkLeftBehind              a function has returned, and its tasks did not end
    │  ├─ InvalidOption               an option of ``context.oauth2`` does not exist or has a wrong value
    │  ├─ UnknownPlaceholder          a ``{name}`` in a URL is not a member of the token
    │  ├─ ResponseTooLarge            an answer has more bytes than its limit
    │  ├─ CannotPoll                  an API does not return records as the trigger's declaration says
    │  └─ UnsafeUrl                   a URL would send the token elsewhere, or unencrypted
    ├─ OperatorError                fix the installation         exit 2
    │  ├─ BadInput                    a file or an argument has the wrong content
    │  │  └─ InvalidField               a field of a credential or a step has a wrong value
    │  ├─ MissingSetting              an environment variable is not set
    │  ├─ BadSetting                  an environment variable has a wrong value
    │  ├─ BrokerRefused               the broker refuses the queue or the exchange (exit 1: the container has begun)
    │  ├─ ClientMisconfigured         the provider refuses the client (exit 1: the component was running)
    │  └─ PlatformRefused             the platform's API refuses a call (exit 1: the component was running)
    ├─ AccountError                 sign in again                exit 1
    │  ├─ ReauthorizationRequired     the refresh token is refused or missing
    │  ├─ CredentialsInvalid          the credentials are not usable
    │  ├─ SignatureRefused            a request to a webhook has no valid signature
    │  └─ SignInFailed                a sign-in in the browser failed
    ├─ ApiError                     an API refuses a request: its status says who must act   exit 1
    └─ TransientError               nobody: it is retried        exit 1
       ├─ EmitError                   an event was not delivered
       │  ├─ EmitUnconfirmed            the broker has not confirmed a message
       │  └─ KeysNotSaved               new tokens could not be saved
       ├─ ResponseTooSlow             an answer takes longer than its limit
       ├─ IncompleteContent           a file ends before its length is reached, or changes while it is read
       ├─ ServiceTimeout              a service method took too long
       ├─ NoSample                    a trigger found no record for a sample
       ├─ ObjectUnavailable           the object storage did not return the body of a message
       │  └─ ObjectExpired              the object storage has deleted the body
       ├─ BrokerLost                  the broker cannot be reached
       ├─ ProxyLost                   the sailor proxy cannot be reached
       ├─ ClaimRefused                the sailor proxy has given the messages in work to another container
       ├─ PlatformUnavailable         the platform's API does not answer
       └─ TokenEndpointUnavailable    the provider's token endpoint does not answer

Each class has a stable ``code``, by which operators can count error events and log lines, and an ``exit_status``.
Messages never contain a secret, a token or the body of a message.
"""

from typing import ClassVar


class ShipmateError(Exception):
    """The base class of all errors that shipmate raises on purpose."""

    code: ClassVar[str] = "shipmate"
    exit_status: ClassVar[int] = 1


def code_of(error: object) -> str:
    """Return the code of an error, ``other`` for one that is not the runtime's.

    An author's subclass of one of these classes has the code of its base class.

    >>> code_of(BrokerLost("away")), code_of(ValueError("7"))
    ('broker_lost', 'other')
    """
    own = (each for each in type(error).__mro__ if issubclass(each, ShipmateError) and each.__module__ == __name__)
    return next((each.code for each in own), "other")


class AuthorError(ShipmateError):
    """The component must be fixed."""

    code = "author"


class DescriptorError(AuthorError):
    """``component.json`` or a metadata schema cannot be read, or lacks what the runtime needs."""

    code = "descriptor"
    exit_status = 2


class ModuleNotLoadable(AuthorError):
    """A module of the component is missing, or its import fails."""

    code = "module_not_loadable"


class FunctionNotFound(AuthorError):
    """The component has no such action or trigger, or a module lacks a function."""

    code = "function_not_found"


class WrongSignature(FunctionNotFound):
    """A function of a module does not accept the arguments that the runtime passes."""

    code = "wrong_signature"


class InvalidMessage(AuthorError):
    """An emitted value is not a message with a body, or has a part that is not JSON."""

    code = "invalid_message"


class UnknownEvent(AuthorError):
    """The name of an emitted event does not exist, or is not allowed in this kind of call."""

    code = "unknown_event"


class MessageEnded(AuthorError):
    """An event was emitted after the end of its message."""

    code = "message_ended"


class WorkLeftBehind(AuthorError):
    """A function has returned before its tasks ended; they were cancelled."""

    code = "work_left_behind"


class InvalidOption(AuthorError):
    """An option of ``context.oauth2`` or ``OAuth2`` does not exist or has a wrong value."""

    code = "invalid_option"


class UnknownPlaceholder(AuthorError):
    """A ``{name}`` in a URL is not the name of a member of the token."""

    code = "unknown_placeholder"


class ResponseTooLarge(AuthorError):
    """An answer has more bytes than its limit."""

    code = "response_too_large"


class CannotPoll(AuthorError):
    """An API does not return records in the order, or with the members, that the trigger's declaration says."""

    code = "cannot_poll"


class UnsafeUrl(AuthorError):
    """A URL would send the token to another host, or unencrypted."""

    code = "unsafe_url"


class OperatorError(ShipmateError):
    """The installation, the environment or the command line must be fixed."""

    code = "operator"
    exit_status = 2


class BadInput(OperatorError):
    """A file or an argument cannot be read, or has the wrong content."""

    code = "bad_input"


class InvalidField(BadInput, ValueError):
    """A field of a credential or a step has an invalid value."""

    code = "invalid_field"


class MissingSetting(OperatorError):
    """An environment variable is not set."""

    code = "missing_setting"


class BadSetting(OperatorError):
    """An environment variable has a wrong value."""

    code = "bad_setting"


class BrokerRefused(OperatorError):
    """The queue or the exchange of the step does not exist, or the user of the broker may not use it."""

    code = "broker_refused"
    exit_status = 1


class ClientMisconfigured(OperatorError):
    """The provider refuses the client (its id, secret, grant or scope), or the client's settings are wrong."""

    code = "client_misconfigured"
    exit_status = 1


class PlatformRefused(OperatorError):
    """The platform's API refused a call; a retry would not help."""

    code = "platform_refused"
    exit_status = 1

    def __init__(self, text: str, *, status: int | None = None) -> None:
        """Create the error.

        Args:
            text: The text of the error.
            status: The HTTP status of the answer, None if there was none or its content is wrong.
        """
        super().__init__(text)
        self.status = status


class AccountError(ShipmateError):
    """A person must sign in again, or correct the credentials."""

    code = "account"


class ReauthorizationRequired(AccountError):
    """The provider refuses the refresh token, or the account has none: only a new sign-in helps."""

    code = "reauthorization_required"


class CredentialsInvalid(AccountError):
    """The credentials are not usable."""

    code = "credentials_invalid"


class SignatureRefused(AccountError):
    """A request to a webhook has no signature, or one that its secret does not make."""

    code = "signature_refused"


class SignInFailed(AccountError):
    """A sign-in in the browser failed: it was denied, took too long, or its answer does not belong to it."""

    code = "sign_in_failed"


class ApiError(ShipmateError):
    """The API that a component calls has answered with an error status, or not at all."""

    code = "api_error"

    def __init__(
        self,
        text: str,
        *,
        status: int = 0,
        reason: str = "",
        api_code: str = "",
        request_id: str = "",
        is_repeatable: bool = False,
        is_unclear: bool = False,
    ) -> None:
        """Create the error.

        Args:
            text: The text of the error, without secrets.
            status: The HTTP status, 0 without an answer.
            reason: What the API says about the error, on one short line.
            api_code: The API's own code: ``"INVALID_FIELD"``.
            request_id: The id by which the API's support finds the request.
            is_repeatable: Whether the request may be sent again later: the failure may pass, and a repetition does no
                harm.
            is_unclear: Whether the API may have executed the request, and a repetition would execute it twice.
        """
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.api_code = api_code
        self.request_id = request_id
        self.is_repeatable = is_repeatable
        self.is_unclear = is_unclear


class TransientError(ShipmateError):
    """Nobody must act: the same call may succeed later."""

    code = "transient"


class EmitError(TransientError):
    """An event was not delivered; its message counts as failed."""

    code = "emit_failed"


class EmitUnconfirmed(EmitError):
    """The broker has not confirmed a message within the allowed attempts."""

    code = "emit_unconfirmed"

    def __init__(self, text: str, *, is_left_to_broker: bool = False) -> None:
        """Create the error.

        Args:
            text: The text of the error.
            is_left_to_broker: Whether the process is stopping: then the input is neither acknowledged nor rejected,
                and the broker delivers it again.
        """
        super().__init__(text)
        self.is_left_to_broker = is_left_to_broker


class KeysNotSaved(EmitError):
    """Refreshed tokens could not be saved; no request was sent with them."""

    code = "keys_not_saved"


class BrokerLost(TransientError):
    """The broker has not accepted a connection or a consumer within the allowed attempts."""

    code = "broker_lost"


class ProxyLost(TransientError):
    """The sailor proxy has not accepted a connection within the allowed attempts."""

    code = "proxy_lost"


class ClaimRefused(TransientError):
    """The sailor proxy does not give back the messages in work after a lost connection: another container has them."""

    code = "claim_refused"


class ResponseTooSlow(TransientError):
    """An answer was not complete when its time limit was over."""

    code = "response_too_slow"


class IncompleteContent(TransientError):
    """The content of a file ended before or after its announced length, or changed while it was read."""

    code = "incomplete_content"


class ServiceTimeout(TransientError):
    """A function took too long to answer a service method."""

    code = "service_timeout"


class NoSample(TransientError):
    """A trigger found no record for a sample; the flow itself has no error."""

    code = "no_sample"


class ObjectUnavailable(TransientError):
    """The object storage did not return the body of a message."""

    code = "object_unavailable"


class ObjectExpired(ObjectUnavailable):
    """The object storage does not have the body of a message any more: a retry would not help."""

    code = "object_expired"


class PlatformUnavailable(TransientError):
    """Every attempt to call the platform's API got no answer or a temporary error."""

    code = "platform_unavailable"


class TokenEndpointUnavailable(TransientError):
    """The provider's token endpoint gave no usable answer; a later attempt may succeed."""

    code = "token_endpoint_unavailable"
