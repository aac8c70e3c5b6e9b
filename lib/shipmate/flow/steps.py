"""Reads the steps of a flow file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Node
from shipmate.flow.values import ObjectReader, object_at, shown, suggestion
from shipmate.tools.validation.report import Findings

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
LARGEST_PREFETCH: Final = 65_535
"""The largest prefetch of AMQP."""
MOST_CONTAINERS: Final = 20
_MOST_REPLICAS: Final = 5
_LONGEST_ID: Final = 80
"""The longest id of a step in bytes, since the names of queues, which have two ids, are limited."""
_RESERVED: Final = (".", "..")
"""Texts that mean another folder in a URL: a step asks the platform for its data by its id."""
_COMMAND: Final = "team/component:function"
_IGNORED: Final = frozenset(
    {
        "description", "selected_data_samples", "out_data_samples", "data_sample", "dynamic_metadata",
        "dynamic_select_model", "pubSubTopicName",
    }
)  # fmt: skip
_AGENTS: Final = ("vpn_agent_id", "agent_id")
_KNOWN: Final = _IGNORED | {
    "id", "command", "component_id", "fields", "credentials_id", "secret_id", "first", "name", "service", "error",
    *_AGENTS,
}  # fmt: skip
_SETTINGS: Final = (
    "prefetch", "replicas", "passthrough", "log_level", "persistent_messages", "disable_dynamic_flow_control",
    "consume_raw_data",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a file."""

    nodes: tuple[Node, ...]
    """Those that could be read."""
    ids: Mapping[str, str]
    """The ids of all, with the pointers of the steps."""
    handlers: frozenset[str]
    """The ids of those that handle errors."""


def read_steps(findings: Findings, file: FlowFile, *, accounts: Collection[str], secrets: Collection[str]) -> Steps:
    """Return the steps of a file.

    Args:
        findings: Receives the problems.
        file: The file.
        accounts: The ids or names of accounts that the file has.
        secrets: The ids or names of secrets that the file has.
    """
    graph = ObjectReader(findings, file.graph_pointer, file.graph)
    items = graph.items("nodes")
    if graph.value.get("nodes") in (None, []):
        findings.error(graph.place("nodes"), "expected at least one step, found none")
    settings = _Settings(findings, file)
    nodes: list[Node] = []
    places: dict[str, str] = {}
    handlers = set()
    for index, item in enumerate(items):
        step = object_at(findings, graph.place("nodes", index), item)
        step_id = _step_id(step) if isinstance(item, dict) else None
        if step_id is None:
            continue
        if step_id in places:
            problem = f"expected a unique id, found {shown(step_id)}, which {places[step_id]} has, too"
            findings.error(step.place("id"), problem)
            continue
        places[step_id] = step.pointer
        handlers |= {step_id} if step.value.get("error") is True else set()
        node = _read_node(step, step_id, settings, accounts=accounts, secrets=secrets)
        nodes += [node] if node is not None else []
    settings.warn_of_unknown_steps(places)
    return Steps(tuple(nodes), places, frozenset(handlers))


def _step_id(step: ObjectReader) -> str | None:
    step_id = step.required_text("id", "the id of the step")
    if step_id is None:
        return None
    if step_id in _RESERVED:
        step.findings.error(step.place("id"), f"expected an id other than . and .., found {step_id}")
        return None
    if not step_id.isprintable() or len(step_id.encode()) > _LONGEST_ID:
        problem = f"expected an id of at most {_LONGEST_ID} bytes without control characters, found another text"
        step.findings.error(step.place("id"), problem)
        return None
    return step_id


def _read_node(
    step: ObjectReader, step_id: str, settings: "_Settings", *, accounts: Collection[str], secrets: Collection[str]
) -> Node | None:
    step.warn_of_unknown(_KNOWN)
    if agent := next((name for name in _AGENTS if step.value.get(name)), None):
        step.findings.warning(step.place(agent), "expected no agent, found one; steps run on this machine without it")
    command = _command(step)
    own = settings.of(step_id)
    fields = step.members("fields").value
    name, service = step.text("name"), step.text("service")
    account = _reference(step, "credentials_id", ("credentialId", "credentialName"), accounts)
    secret = _reference(step, "secret_id", ("secretId", "secretName"), secrets)
    is_first, is_error_handler = step.boolean("first"), step.boolean("error")
    if command is None:
        return None
    return Node(
        id=step_id,
        component=command.component,
        team=command.team,
        function=command.function,
        name=name or step_id,
        fields=fields,
        account=account,
        secret=secret,
        service=service,
        is_first=is_first,
        is_error_handler=is_error_handler,
        prefetch=own.prefetch,
        containers=own.containers,
        has_passthrough=own.has_passthrough,
        log_level=own.log_level,
        takes_raw_data=own.takes_raw_data,
        pointer=step.pointer,
    )


@dataclass(frozen=True, slots=True)
class _Command:
    team: str | None
    component: str
    function: str


def _command(step: ObjectReader) -> _Command | None:
    """Return component and function of a step, from either form of its command."""
    value = step.value.get("command")
    if isinstance(value, str) and value:
        return _command_text(step, value)
    if not isinstance(value, dict):
        found = "none" if value in (None, "") else "another value"
        step.findings.error(
            step.place("command"), f"expected {_COMMAND} or an object with actionOrTrigger, found {found}"
        )
        return None
    command = step.members("command")
    function = command.required_text("actionOrTrigger", "the id of an action or a trigger")
    named = step.value.get("component_id")
    if isinstance(named, str) and named:  # the id of a component, which `components` can name, too
        return _Command(None, named, function) if function else None
    described = step.members("component_id")
    advice = f"write componentName, or {_COMMAND} as the command"
    component = described.required_text("componentName", "the name of a component", advice)
    team = described.text("componentDevTeam", "the name of a team")
    return _Command(team, component, function) if component and function else None


def _command_text(step: ObjectReader, text: str) -> _Command | None:
    """Return the parts of ``team/component:function@version``, of which team and version may be missing."""
    place, _, function = text.partition("@")[0].partition(":")
    team, slash, component = place.rpartition("/")
    if component and function and (team or not slash):
        return _Command(team or None, component, function)
    step.findings.error(step.place("command"), f"expected {_COMMAND}, found {shown(text)}")
    return None


def _reference(step: ObjectReader, name: str, keys: tuple[str, str], known: Collection[str]) -> str | None:
    """Return the id or the name of an account or a secret, the one that the file knows."""
    value = step.value.get(name)
    if isinstance(value, dict):
        reference = step.members(name)
        given = [text for key in keys if (text := reference.text(key)) is not None]
    else:
        given = [text] if (text := step.text(name, "text, or an object with id and name")) is not None else []
    return next((each for each in given if each in known), given[0] if given else None)


@dataclass(frozen=True, slots=True)
class _StepSettings:
    prefetch: int = 1
    containers: int = 1
    has_passthrough: bool = True
    log_level: str = "info"
    takes_raw_data: bool = False


class _Settings:
    """The settings of steps: ``nodes_config`` of the platform, and ``prefetch`` and ``containers``, which win."""

    def __init__(self, findings: Findings, file: FlowFile) -> None:
        self.findings = findings
        self.platform = ObjectReader(findings, file.pointer, file.attributes).members("nodes_config")
        self.prefetch = self._numbers(file, "prefetch", LARGEST_PREFETCH)
        self.containers = self._numbers(file, "containers", MOST_CONTAINERS)

    def of(self, step_id: str) -> _StepSettings:
        own = self.platform.members(step_id)
        own.warn_of_unknown(_SETTINGS)
        default = _StepSettings()
        prefetch = own.number("prefetch", 1, LARGEST_PREFETCH)
        replicas = own.number("replicas", 1, _MOST_REPLICAS)
        return _StepSettings(
            prefetch=self.prefetch.get(step_id) or self.prefetch.get(None) or prefetch or default.prefetch,
            containers=self.containers.get(step_id) or self.containers.get(None) or replicas or default.containers,
            has_passthrough=not own.members("passthrough").boolean("disabled"),
            log_level=own.one_of("log_level", LEVELS) or default.log_level,
            takes_raw_data=own.boolean("consume_raw_data"),
        )

    def warn_of_unknown_steps(self, ids: Mapping[str, Any]) -> None:
        for step_id in self.platform.value:
            if step_id not in ids:
                self.findings.warning(self.platform.place(step_id), _no_step(step_id, ids))
        for numbers in (self.prefetch, self.containers):
            for step_id, pointer in numbers.places.items():
                if step_id not in ids:
                    self.findings.error(pointer, _no_step(step_id, ids))

    def _numbers(self, file: FlowFile, name: Literal["prefetch", "containers"], highest: int) -> "_Numbers":
        pointer, value = file.local.get(name, ("", None))
        if isinstance(value, dict):
            steps = object_at(self.findings, pointer, value)
            numbers = {step_id: steps.number(step_id, 1, highest) for step_id in value}
            return _Numbers(numbers, {step_id: steps.place(step_id) for step_id in value})
        # One number for all steps.
        parent = ObjectReader(self.findings, pointer.removesuffix(f"/{name}"), {name: value})
        return _Numbers({None: parent.number(name, 1, highest)}, {})


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A number for each step; the one for None is for all others."""

    numbers: Mapping[str | None, int | None]
    places: Mapping[str, str]

    def get(self, step_id: str | None) -> int | None:
        return self.numbers.get(step_id)


def _no_step(step_id: str, ids: Collection[str]) -> str:
    return f"expected the id of a step, found {shown(step_id)}{suggestion(step_id, ids)}"
