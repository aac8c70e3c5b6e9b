"""The errors of shipmate, ordered by who must act.

    ShipmateError
    ├─ AuthorError                  fix the component            exit 1
    │  ├─ DescriptorError             component.json is not what it should be (exit 2: nothing was run)
    │  ├─ ModuleNotLoadable           a module is missing or does not import
    │  ├─ FunctionNotFound            the module has no such function
    │  ├─ InvalidMessage              an emitted value is not a message, or not JSON
    │  ├─ UnknownEvent                an emit of an event that does not exist
    │  ├─ MessageEnded                an emit after the end of its message
    │  ├─ InvalidOption               an option of ``context.oauth2`` that does not exist or has a wrong value
    │  └─ UnknownPlaceholder          a ``{name}`` in a URL that the tokens do not fill
    ├─ OperatorError                fix the installation         exit 2
    │  ├─ BadInput                    a file or an argument cannot be read as what it should be
    │  ├─ MissingSetting              a variable of the environment is not set
    │  ├─ BadSetting                  a variable of the environment has a value that it cannot have
    │  ├─ ClientMisconfigured         the provider refuses the client, not the user (exit 1: it happens while running)
    │  └─ PlatformRefused             the platform's API refuses the call (exit 1, likewise)
    ├─ AccountError                 sign in again                exit 1
    │  ├─ ReauthorizationRequired     the refresh token is refused, or there is none
    │  ├─ CredentialsInvalid          the credentials are not usable
    │  └─ SignInFailed                a sign-in in the browser did not come to its end
    └─ TransientError               nobody: it is retried        exit 1
       ├─ EmitError                   an event could not be handed over
       │  ├─ EmitUnconfirmed            the broker has not confirmed a message
       │  └─ KeysNotSaved               new tokens could not be saved
       ├─ ServiceTimeout              a function that answers a question has not done so in time
       ├─ ObjectUnavailable           the body of a message could not be had from the object storage
       ├─ BrokerLost                  the broker could not be had any more
       ├─ PlatformUnavailable         the platform's API does not answer
       └─ TokenEndpointUnavailable    the provider's token endpoint does not answer

Each class has a stable ``code``, which error events and logs carry so that operators can count by it, and an
``exit_status``. Messages never contain a secret, a token or the body of a message.
"""

from typing import ClassVar


class ShipmateError(Exception):
    """The root of all errors that shipmate raises on purpose."""

    code: ClassVar[str] = "shipmate"
    exit_status: ClassVar[int] = 1


class AuthorError(ShipmateError):
    """The component must be fixed."""

    code = "author"


class DescriptorError(AuthorError):
    """``component.json`` cannot be read, or is not what the runtime needs."""

    code = "descriptor"
    exit_status = 2


class ModuleNotLoadable(AuthorError):
    """A module of the component is missing or raises when it is imported."""

    code = "module_not_loadable"


class FunctionNotFound(AuthorError):
    """A module of the component lacks the function that was asked for."""

    code = "function_not_found"


class InvalidMessage(AuthorError):
    """An emitted value is not a message with a body, or contains something that is not JSON."""

    code = "invalid_message"


class UnknownEvent(AuthorError):
    """An event was emitted that does not exist, or that is not available in this kind of call."""

    code = "unknown_event"


class MessageEnded(AuthorError):
    """Something was emitted after the message had ended."""

    code = "message_ended"


class InvalidOption(AuthorError):
    """An option of ``context.oauth2`` or ``OAuth2`` does not exist or has a value that it cannot have."""

    code = "invalid_option"


class UnknownPlaceholder(AuthorError):
    """A ``{name}`` in a URL has no counterpart among the members of the token."""

    code = "unknown_placeholder"


class OperatorError(ShipmateError):
    """The installation, the environment or the command line must be fixed."""

    code = "operator"
    exit_status = 2


class BadInput(OperatorError):
    """A file or an argument cannot be read, or is not what was expected."""

    code = "bad_input"


class MissingSetting(OperatorError):
    """A variable of the environment is not set."""

    code = "missing_setting"


class BadSetting(OperatorError):
    """A variable of the environment has a value that it cannot have."""

    code = "bad_setting"


class ClientMisconfigured(OperatorError):
    """The provider refuses the client (id, secret, grant, scope), or the client's settings are unusable."""

    code = "client_misconfigured"
    exit_status = 1


class PlatformRefused(OperatorError):
    """The platform's API refused a call; asking again would not help."""

    code = "platform_refused"
    exit_status = 1


class AccountError(ShipmateError):
    """A person must sign in again, or correct the credentials."""

    code = "account"


class ReauthorizationRequired(AccountError):
    """The provider refuses the refresh token, or there is none: only a new sign-in helps."""

    code = "reauthorization_required"


class CredentialsInvalid(AccountError):
    """The credentials cannot be used for what they are meant for."""

    code = "credentials_invalid"


class SignInFailed(AccountError):
    """A sign-in in the browser did not come to its end: it was denied, nobody came, or its answer is not ours."""

    code = "sign_in_failed"


class TransientError(ShipmateError):
    """Nothing to fix: the same thing may succeed later."""

    code = "transient"


class EmitError(TransientError):
    """An event could not be handed over; its message counts as failed."""

    code = "emit_failed"


class EmitUnconfirmed(EmitError):
    """The broker has not confirmed a message, in as many attempts as are allowed."""

    code = "emit_unconfirmed"

    def __init__(self, text: str, *, is_left_to_broker: bool = False) -> None:
        """Say what was not confirmed.

        Args:
            text: The message.
            is_left_to_broker: Whether the process is stopping, so that the input stays with the broker, which will
                deliver it again.
        """
        super().__init__(text)
        self.is_left_to_broker = is_left_to_broker


class KeysNotSaved(EmitError):
    """Refreshed tokens could not be saved, so no request was sent with them."""

    code = "keys_not_saved"


class BrokerLost(TransientError):
    """The broker does not accept a connection, or does not let us consume, in as many attempts as are allowed."""

    code = "broker_lost"


class ServiceTimeout(TransientError):
    """A function that answers a question has not done so in time."""

    code = "service_timeout"


class ObjectUnavailable(TransientError):
    """The body of a message could not be had from the object storage."""

    code = "object_unavailable"


class PlatformUnavailable(TransientError):
    """The platform's API did not answer, or answered with a temporary error, on every attempt."""

    code = "platform_unavailable"


class TokenEndpointUnavailable(TransientError):
    """The provider's token endpoint did not give a usable answer; trying later may help."""

    code = "token_endpoint_unavailable"
