"""A flow of one step: a function of the component in a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shipmate import component
from shipmate.flow.graph import ORDINARY, ComponentSource, Flow, Node
from shipmate.local.account import ACCOUNT_FILE, read_account

STEP: Final = "step_1"
_ACCOUNT: Final = "account"


def flow_of(
    root: Path,
    function: str,
    *,
    fields: Mapping[str, Any] | None = None,
    account: Path | None = None,
    prefetch: int = 1,
) -> Flow:
    """Return a flow whose only step is a function of a component.

    Args:
        root: The component's folder.
        function: The id of the trigger or action.
        fields: The configuration of the step.
        account: The file with the keys of its account, None for the default file if that exists.
        prefetch: The number of messages that are processed at once.

    Raises:
        DescriptorError: The folder has no component.
        FunctionNotFound: The component has no such function.
        BadInput: The file with the keys does not exist, or is not an object.
    """
    component.load(root).function(function)
    if read_account(root, None if account is None else str(account)) is not None:
        account = account or root / ACCOUNT_FILE
    name = root.resolve().name or "component"
    node = Node(
        id=STEP,
        component=name,
        team=None,
        function=function,
        name=function,
        fields=dict(fields or {}),
        account=None if account is None else _ACCOUNT,
        secret=None,
        service=None,
        is_first=True,
        is_error_handler=False,
        prefetch=prefetch,
        containers=1,
        has_passthrough=True,
        log_level="info",
        pointer="",
    )
    return Flow(
        id=f"{name}-{function}",
        name=function,
        kind=ORDINARY,
        nodes=(node,),
        edges=(),
        components={name: ComponentSource(root, None)},
        accounts={} if account is None else {_ACCOUNT: account},
        secrets={},
        variables={},
        schedule=None,
        path=root / component.DESCRIPTOR,
    )
