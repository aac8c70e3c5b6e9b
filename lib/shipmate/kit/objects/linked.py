"""Objects that belong to another one, and are emitted within it."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from shipmate.kit.objects.fields import Field, Schema, object_of, title_of
from shipmate.kit.objects.paging import Paging
from shipmate.kit.objects.routes import Route


@dataclass(frozen=True, slots=True)
class Linked:
    """Linked objects: ``Linked("GET /contacts/{id}/deals", pages=cursor("data", next="next"))``.

    Args:
        request: The request that fetches them; ``{name}`` is a member of the object: ``"GET /companies/{companyId}"``.
            ``"?expand=company"`` are parameters of the object's own request, for an API that includes them itself.
        title: The name on the screen; made of the name in the declaration unless given.
        pages: How a list comes; None for one object.
        record: The path of the object in an answer with one.
        fields: The fields of a linked object.

    Raises:
        ValueError: The request is neither a method and a path nor parameters.
    """

    request: str
    _: KW_ONLY
    title: str = ""
    pages: Paging | None = None
    record: str = ""
    fields: Sequence[Field] = ()

    def __post_init__(self) -> None:
        """Check the request."""
        if not self.is_included and not Route.parse(self.request, default="/").template.strip("/"):
            raise ValueError(f"linked: expected a method and a path, or parameters, found {self.request!r}")

    @property
    def is_included(self) -> bool:
        """Whether the API puts the linked objects into the object itself."""
        return self.request.startswith("?")

    def to_schema(self, name: str) -> Schema:
        """Return the schema of the member with the linked objects."""
        one: Schema = object_of(self.fields, writes=False)
        found: Schema = {"type": "array", "items": one} if self.pages else one
        return {"title": self.title or title_of(name), **found}


def linked_from(given: Mapping[str, Linked | str]) -> dict[str, Linked]:
    """Return the linked objects that an author declares, by the names of their members."""
    return {name: Linked(each) if isinstance(each, str) else each for name, each in given.items()}
