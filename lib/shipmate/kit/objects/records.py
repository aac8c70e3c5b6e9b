"""The objects of a resource, as the functions of a call read and write them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from shipmate.errors import ApiError
from shipmate.jsonvalue import member_at
from shipmate.kit.objects.connection import Connection, json_of
from shipmate.kit.objects.declaration import CREATE, Declaration
from shipmate.kit.objects.errors import MoreThanOneFound, UnexpectedAnswer
from shipmate.kit.objects.fields import writable
from shipmate.kit.objects.filters import Join, Term
from shipmate.kit.objects.members import is_missing, wrapped
from shipmate.kit.objects.paging import Page, Paging, Position
from shipmate.kit.objects.routes import Route
from shipmate.kit.objects.terms import typed

if TYPE_CHECKING:
    import requests

_CONFLICT: Final = 409
Record = dict[str, Any]
Params = Sequence[tuple[str, Any]]


class Records:
    """The objects of a resource for one account."""

    def __init__(self, declared: Declaration, connection: Connection, cfg: Mapping[str, Any]) -> None:
        """Send nothing yet."""
        self.declared = declared
        self.connection = connection
        names = [*declared.settings, declared.names.object_type]
        self.values = {name: cfg.get(name) for name in names if not is_missing(cfg.get(name))}

    def get(self, id: Any, params: Params = ()) -> Record | None:
        """Return the object with an id, None if there is none."""
        path = self._path_of(self.declared.route("GET"), id)
        response = self.connection.get(path, params=[*params, *self._selection()], allow=self.declared.missing)
        return None if response.status_code in self.declared.missing else self._record(json_of(response))

    def read(self, method: str, path: str, at: str) -> Any:
        """Return what an answer has at a path, None if there is no such object."""
        response = self.connection.reading().send(method, path, allow=self.declared.missing)
        return None if response.status_code in self.declared.missing else member_at(json_of(response), at)

    def one(self, criteria: str, value: Any, params: Params = ()) -> Record | None:
        """Return the only object with a value in a unique field, None if there is none.

        Args:
            criteria: The unique field.
            value: The value.
            params: Further parameters of the request.

        Raises:
            MoreThanOneFound: Several objects have the value.
        """
        if criteria == self.declared.id:
            return self.get(value, params)
        found = self._find(criteria, value, params)
        if len(found) > 1 and not self.declared.takes_first:
            label = self.declared.criteria()[criteria]
            raise MoreThanOneFound(f"{self.declared.title}: expected one object with this {label}, found more")
        return found[0] if found else None

    def search(self, terms: Sequence[Term], links: Sequence[Join]) -> Params:
        """Return the parameters for search terms."""
        if not terms:
            return []
        if self.declared.filters is None:
            raise ValueError(
                f"{self.declared.title}: expected no search terms, found {len(terms)}: there are no filters"
            )
        return self.declared.filters.params(terms, links)

    def pages(
        self,
        params: Params,
        size: int | None,
        *,
        start: Position = None,
        at: tuple[str, str] | None = None,
        paging: Paging | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of a list.

        Args:
            params: The parameters of the search.
            size: The objects of a page; None lets the API decide.
            start: The position of the first page.
            at: The method and the path of the list, those of the resource unless given.
            paging: How the list comes, as the resource's unless given.

        Raises:
            UnexpectedAnswer: The API returns the same page again, or no list.
        """
        paging = paging or self.declared.pages
        if at is None and self.declared.select:
            in_body = self.declared.list.method != "GET" and self.connection.takes_json
            params = [*params, *([(self.declared.select, self.declared.selection())] if in_body else self._selection())]
        method, path = at or (self.declared.list.method, self.declared.list.path(self.values))
        yield from self.connection.pages(
            path, paging, method=method, params=params, size=size, start=start, title=self.declared.title
        )

    def create(self, body: Mapping[str, Any]) -> Record:
        """Create an object and return it as the API stored it; only its id if the API says no more."""
        route = self._required("create")
        response = self._write(route, route.path(self.values), writable(self.declared.known_fields, body))
        return self._stored(response, _id_in(response.headers.get("Location")))

    def update(self, id: Any, body: Mapping[str, Any], stored: Record | None = None) -> Record | None:
        """Change an object and return it as the API stored it, None if there is none.

        Args:
            id: Its id.
            body: The members to change.
            stored: The object, if it is known.
        """
        route = self._required("update")
        declared = self.declared
        changes = {name: value for name, value in writable(declared.known_fields, body).items() if name != declared.id}
        if "id" not in route.names or declared.write.sends_id:
            changes[declared.id] = id
        merges = declared.write.merges
        if route.method == "PUT" if merges is None else merges:
            stored = stored if stored is not None else self.get(id)
            if stored is None:
                return None
            changes = {**writable(declared.known_fields, stored), **changes}
        response = self._write(route, self._path_of(route, id), changes, allow=declared.missing)
        return None if response.status_code in declared.missing else self._stored(response, id)

    def upsert(self, criteria: str, value: Any, body: Mapping[str, Any]) -> Record:
        """Change the object with a value in a unique field, or create it.

        Raises:
            MoreThanOneFound: Several objects have the value.
        """
        declared = self.declared
        if criteria != declared.id and criteria not in body:
            body = {**body, criteria: value}
        if declared.write.upsert and not declared.write.finds:
            route = Route.parse(declared.write.upsert, default=declared.item)
            path = self._path_with(route, criteria, value)
            return self._stored(self._write(route, path, writable(declared.known_fields, body)), None)
        if declared.write.upsert == CREATE:
            return self._created_or_changed(criteria, value, body)
        stored = self.one(criteria, value)
        changed = None
        if stored is not None:
            changed = self.update(self.id_of(stored), body, stored)
        return changed if changed is not None else self.create(body)

    def _created_or_changed(self, criteria: str, value: Any, body: Mapping[str, Any]) -> Record:
        try:
            return self.create(body)
        except ApiError as error:
            if error.status != _CONFLICT and error.api_code not in self.declared.write.conflict:
                raise
            stored, id = None, value
            if criteria != self.declared.id:
                stored = self.one(criteria, value)
                id = None if stored is None else self.id_of(stored)
            changed = None if id is None else self.update(id, body, stored)
            if changed is None:
                raise  # another field has the conflict
            return changed

    def delete(self, id: Any) -> bool:
        """Delete an object, and return whether there was one.

        It is deleted, too, if an earlier attempt has done it and its answer was lost.
        """
        from shipmate.session.attempts import may_be_done  # requests: 97 ms

        route = self._required("delete")
        response = self.connection.send(route.method, self._path_of(route, id), allow=self.declared.missing)
        return response.status_code not in self.declared.missing or may_be_done(response)

    def id_of(self, record: Mapping[str, Any]) -> Any:
        """Return the id of an object.

        Raises:
            UnexpectedAnswer: It has none.
        """
        found = member_at(record, self.declared.id)
        if is_missing(found):
            raise UnexpectedAnswer(f"{self.declared.title}: expected an id at {self.declared.id}, found none")
        return found

    def _path_of(self, route: Route, id: Any) -> str:
        """Return the path of one object."""
        return route.path({**self.values, "id": id}, {"id": self.declared.id})

    def _path_with(self, route: Route, criteria: str, value: Any) -> str:
        """Return the path for the objects with a value in a unique field."""
        values = {**self.values, "criteria": criteria, "value": value, "id": value}
        return route.path(values, {"value": criteria, "id": criteria})

    def _selection(self) -> Params:
        """Return the parameter with the names of the fields that the API shall return."""
        return [(self.declared.select, ",".join(self.declared.selection()))] if self.declared.select else []

    def _find(self, criteria: str, value: Any, params: Params) -> list[Record]:
        """Return at most two objects with a value in a unique field."""
        declared = self.declared
        if text := declared.unique[criteria]:
            route = Route.parse(text, default=declared.path)
            path = self._path_with(route, criteria, value)
            reading = self.connection.reading()
            response = reading.send(route.method, path, params=[*params, *self._selection()], allow=declared.missing)
            answer = None if response.status_code in declared.missing else json_of(response)
            found = member_at(answer, declared.record)
            return [each for each in (found if isinstance(found, list) else [found]) if each][:2]
        params = [*self.search([Term(criteria, "eq", typed(declared.field(criteria), value))], []), *params]
        size = 2 if declared.pages.size else None
        return list(islice((record for page in self.pages(params, size) for record in page.records), 2))

    def _write(
        self, route: Route, path: str, body: Mapping[str, Any], allow: Sequence[int] = ()
    ) -> "requests.Response":
        content = wrapped(dict(body), self.declared.write.wrap)
        return self.connection.send(route.method, path, body=content, allow=allow)

    def _stored(self, response: "requests.Response", id: Any) -> Record:
        """Return an object as the API stored it."""
        found = self._record(json_of(response))
        if found is not None:
            return found
        if self.declared.write.reads_back and not is_missing(id) and (read := self.get(id)) is not None:
            return read
        return {} if is_missing(id) else {self.declared.id: id}

    def _record(self, answer: Any) -> Record | None:
        found = member_at(answer, self.declared.record)
        if isinstance(found, list):
            if len(found) > 1:
                raise MoreThanOneFound(f"{self.declared.title}: expected one object, found {len(found)}")
            found = found[0] if found else None
        return found if isinstance(found, dict) and found else None

    def _required(self, name: str) -> Route:
        route = self.declared.request(name)
        if route is None:
            raise ValueError(f"{self.declared.title}: expected write={name}=..., found none")
        return route


def _id_in(location: str | None) -> str | None:
    """Return the last segment of a URL: the id of what was created."""
    path = urlsplit(location).path.rstrip("/") if location else ""
    return unquote(path.rpartition("/")[2]) or None
