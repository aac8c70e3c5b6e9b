"""The check of polling triggers: their function ``fetch`` handles every place that the kit may ask for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from unittest import mock

from shipmate.component import Function
from shipmate.component.modules import describe_author_error
from shipmate.jsonvalue import member_at
from shipmate.kit import After, Keyset
from shipmate.kit.polling.answer import as_answer
from shipmate.kit.polling.place import Relation
from shipmate.testing.calls import cfg_with_new_keys, run
from shipmate.testing.trial import Trial
from shipmate.testing.verdict import Failed

_RELATIONS: Final[Mapping[str, tuple[Relation, ...]]] = {
    "or": ("from", "after", "later"),
    "two": ("from", "equal", "later"),
    "time": ("from", "later"),
}
"""What each kind of `keyset` asks for. ``later`` comes with every kind, after some snapshots."""
_TIME: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_UNTIL: Final = datetime(2026, 2, 1, tzinfo=UTC)
_LIMIT: Final = 10


@dataclass(slots=True)
class _Asked:
    """The relations that were asked for, and the errors of those that failed."""

    relations: list[Relation] = field(default_factory=list)
    errors: dict[Relation, Exception] = field(default_factory=dict)

    def pages(self, changes: Keyset, cfg: Mapping[str, Any], fetch: Callable[..., Any]) -> None:
        """Ask for a page with each relation."""
        time, id = changes.write(_TIME), "1"
        for relation in _RELATIONS[changes.compare]:
            self.relations.append(relation)
            after = After(time, id if relation in ("after", "equal") else None, relation)
            try:
                records = as_answer(fetch(after, changes.write(_UNTIL), _LIMIT)).records
            except Exception as error:  # the edge to the author's function
                self.errors[relation] = error
                continue
            if records:
                id = member_at(records[0], changes.id) or id


def every_relation_is_fetched(trial: Trial, function: Function) -> None:
    """Require that the function ``fetch`` of a keyset handles every ``after.relation``.

    Raises:
        Failed: It does not. Without a verdict, the function uses no keyset, or fails for the sample answer in any case.
    """
    trial.serve(function)
    with _asking() as asked:
        run(trial, function, cfg_with_new_keys(trial, function))
    texts = {each: describe_author_error(error, trial.subject.root) for each, error in asked.errors.items()}
    fails_always = len(texts) == len(asked.relations) and not any(_names(texts[each], each) for each in texts)
    if texts and not fails_always:
        shown = "; ".join(f"{each!r} fails with {trial.subject.redactor.redact(text)}" for each, text in texts.items())
        wanted = ", ".join(map(repr, asked.relations))
        raise Failed(f"let fetch handle after.relation of {wanted}: {shown}")


@contextmanager
def _asking() -> Iterator[_Asked]:
    """Let all keysets ask for a page with each relation, and emit nothing."""
    asked = _Asked()

    def pages(self: Keyset, cfg: Any, snapshot: Any, fetch: Any, *, of: Any = None, body: Any = None) -> Iterator[Any]:
        asked.pages(self, cfg, fetch)
        return iter(())

    with mock.patch.object(Keyset, "pages", pages):
        yield asked


def _names(text: str, relation: Relation) -> bool:
    return f"KeyError: {relation!r}" in text
