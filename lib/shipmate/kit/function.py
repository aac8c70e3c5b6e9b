"""A function of a component that an author writes, with its metadata and select models in one object."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from shipmate.kit.rebound import rebounding

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

Process = Callable[..., Any]
"""``process(context, msg, cfg, snapshot)``."""
Model = Callable[..., Any]
"""A select model, or ``get_meta_model``: of the context and ``cfg``."""


class Function:
    """A function of a component: ``merge = Function(process, models=[modules])``; ``main`` may name it."""

    def __init__(
        self,
        process: Process,
        *,
        metadata: Model | None = None,
        models: Mapping[str, Model] | Iterable[Model] = (),
        rebounds: bool = False,
    ) -> None:
        """Store the parts under the names by which ``component.json`` knows them.

        Args:
            process: Processes a message.
            metadata: Returns the schemas of the input and the output; its name is ``get_meta_model``.
            models: The select models, by their names in ``component.json`` or under their own names.
            rebounds: Whether a temporary error rebounds the message, as with `rebounding`.

        Raises:
            ValueError: Two parts have one name, or a function that rebounds is async or a generator.
        """
        self.process = _rebounding(process) if rebounds else process
        if metadata is not None:
            self.get_meta_model = metadata
        named = models.items() if isinstance(models, Mapping) else ((each.__name__, each) for each in models)
        for name, model in named:
            if name in self.__dict__:
                raise ValueError(
                    f"models: expected names that differ, found {name!r} twice: "
                    f'give them names, models={{"{name}": ..., "other": ...}}'
                )
            setattr(self, name, model)


def _rebounding(process: Process) -> Process:
    """Return a function that rebounds its message after a temporary error."""
    if inspect.iscoroutinefunction(process) or inspect.isgeneratorfunction(process):
        raise ValueError("rebounds: expected a plain function, found one that is async or a generator")

    @wraps(process)
    def processed(context: "Context", msg: Any, cfg: Any, snapshot: Any) -> Any:
        with rebounding(context):
            return process(context, msg, cfg, snapshot)

    return processed
