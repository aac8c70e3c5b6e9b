"""Opens sessions for the account in ``cfg``, of whatever kind it is."""

from collections.abc import Mapping
from typing import Any

from shipmate.errors import CredentialsInvalid, InvalidOption
from shipmate.oauth2.api import refresher_for
from shipmate.oauth2.keys import has_tokens
from shipmate.oauth2.services import CallPort
from shipmate.session.plan import SessionPlan, SessionServices
from shipmate.session.session import KeySession, Session, TokenSession
from shipmate.session.ways import chosen


def open_session(
    options: Mapping[str, Any], cfg: Mapping[str, Any], *, call: CallPort, services: SessionServices
) -> Session:
    """Return a session for the account in ``cfg``.

    Args:
        options: The author's options.
        cfg: The configuration of the call; ``secretId`` names a secret of the platform.
        call: The call that the session belongs to.
        services: The services of the run mode.

    Raises:
        InvalidOption: An option does not exist or has an invalid value, or the place of a key is unknown.
        CredentialsInvalid: A credential field is missing, or more than one way is filled in.
    """
    plan = services.plan(options)
    if not cfg.get("secretId") and not _has_own_keys(plan, cfg, services):
        _require_way(plan, services)
        way = chosen(plan.ways, cfg, plan.oauth2_field)
        if way.kind != "oauth2":
            return KeySession(plan, services, cfg, way, call)
    refresher = refresher_for(plan.options, cfg, call=call, services=services.oauth2)
    return TokenSession(plan, services, cfg, refresher, call)


def _require_way(plan: SessionPlan, services: SessionServices) -> None:
    """Raise an error if the account cannot prove itself, although it should."""
    if plan.ways:
        return
    if plan.unplaced:
        raise InvalidOption(
            f"context.session: expected the place of the credential field {plan.unplaced}, found no known name: give "
            f"header='X-API-Key: {{{plan.unplaced}}}', query='key={{{plan.unplaced}}}' or basic='{{user}}:"
            f"{{{plan.unplaced}}}'"
        )
    if services.auth_client_types and "noauth" not in services.auth_client_types:
        raise CredentialsInvalid(
            "cfg: expected secretId, the id of a secret of the platform, found none; without a platform give the step "
            f"of a flow file a secret_id, or cfg a token: {{'{plan.options.field}': {{'access_token': '...'}}}}"
        )


def _has_own_keys(plan: SessionPlan, cfg: Mapping[str, Any], services: SessionServices) -> bool:
    """Tell whether a component with secrets of the platform has a token in ``cfg`` instead, as in a local run."""
    keys = cfg.get(plan.options.field)
    return "oauth2" in services.auth_client_types and isinstance(keys, Mapping) and has_tokens(keys)
