"""The REST API of the emulated org."""

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from emulated_salesforce.sobjects import ORG
from emulated_salesforce.soql import Malformed, Query, parse
from emulated_salesforce.store import Refused, Row, Store
from shipmate.emulator import Api, OAuth2Provider, Reply, Request

_EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
_OLDEST, _NEWEST = 21, 66


class EmulatedSalesforce(Api):
    """An org with accounts, contacts and invoices, behind the tokens of a provider.

    Args:
        provider: Who issues the tokens.
        **options: As for `shipmate.emulator.Api`.

    Attributes:
        now: Tells the time, by which records are stamped and answers are dated.
        largest_page: The most records of a page, however many are asked for.
        host: The only host that knows the sessions; any unless it is set.
        instance_url: What its sign-in tells clients to use.
        daily_calls: How many calls are allowed until the limit is reached.
    """

    def __init__(self, provider: OAuth2Provider, **options: Any) -> None:
        super().__init__(provider, name="salesforce", refusal=Reply(401, _EXPIRED), **options)
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.store = Store(lambda: self.now())
        self.largest_page = 2000
        self.host = ""
        self.instance_url = ""
        self.daily_calls = 15_000
        self._calls = 0
        self._cursors: dict[str, tuple[Query, list[str]]] = {}
        self._numbers = itertools.count(1)
        self._serve("GET", "", self._resources)
        self._serve("GET", "/limits", self._limits)
        self._serve("GET", "/sobjects", lambda request, version: Reply(200, {"sobjects": _summaries()}))
        self._serve("GET", "/sobjects/{name}/describe", self._describe)
        self._serve("POST", "/sobjects/{name}", self._create)
        self._serve("GET", "/sobjects/{name}/{key}", self._retrieve)
        self._serve("PATCH", "/sobjects/{name}/{key}", self._update)
        self._serve("DELETE", "/sobjects/{name}/{key}", self._delete)
        self._serve("PATCH", "/sobjects/{name}/{field}/{value}", self._upsert)
        self._serve("GET", "/query", self._query)
        self._serve("GET", "/queryAll", self._query)
        self._serve("GET", "/query/{locator}", self._more)

    def forget_cursors(self) -> None:
        """Give up the results of all queries, as Salesforce does after two days."""
        self._cursors.clear()

    @property
    def queries(self) -> list[str]:
        """The queries so far."""
        return [request.query["q"] for request in self.requests if "q" in request.query]

    def _serve(self, method: str, path: str, answer: Callable[..., Reply]) -> None:
        """Route a path below a version's URL; its answers are dated by this org's clock."""

        def dated(request: Request, version: str, **names: str) -> Reply:
            try:
                reply = self._refusal(request, version) or answer(request, version, **names)
            except Refused as error:
                reply = Reply(error.status, error.body)
            except Malformed as error:
                reply = Reply(400, [{"message": str(error), "errorCode": error.code}])
            usage = f"api-usage={self._calls}/{self.daily_calls}"
            headers = {"Date": format_datetime(self.now(), usegmt=True), "Sforce-Limit-Info": usage}
            return Reply(reply.status, reply.body, {**reply.headers, **headers})

        self.route(method, "/services/data/{version}" + path, dated)

    def _refusal(self, request: Request, version: str) -> Reply | None:
        if self.host and request.header("Host") != self.host:
            return Reply(401, _EXPIRED)
        number = re.fullmatch(r"v(\d+)\.0", version)
        if number is None or not _OLDEST <= int(number[1]) <= _NEWEST:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if self._calls >= self.daily_calls:
            raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._calls += 1
        return None

    def _resources(self, request: Request, version: str) -> Reply:
        return Reply(
            200, {"sobjects": f"/services/data/{version}/sobjects", "query": f"/services/data/{version}/query"}
        )

    def _limits(self, request: Request, version: str) -> Reply:
        return Reply(200, {"DailyApiRequests": {"Max": self.daily_calls, "Remaining": self.daily_calls - self._calls}})

    def _describe(self, request: Request, version: str, name: str) -> Reply:
        if name not in ORG:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        fields = [column.describe() for column in ORG[name].columns.values()]
        return Reply(200, {**ORG[name].summary(), "fields": fields})

    def _create(self, request: Request, version: str, name: str) -> Reply:
        allows = "allowSave=true" in (request.header("Sforce-Duplicate-Rule-Header") or "")
        record_id = self.store.create(name, request.json(), allows_duplicates=allows)
        return Reply(201, {"id": record_id, "success": True, "errors": []})

    def _retrieve(self, request: Request, version: str, name: str, key: str) -> Reply:
        return Reply(200, {"attributes": {"type": name}, **self.store.find(name, key)})

    def _update(self, request: Request, version: str, name: str, key: str) -> Reply:
        self.store.update(name, key, request.json())
        return Reply(204)

    def _delete(self, request: Request, version: str, name: str, key: str) -> Reply:
        self.store.delete(name, key)
        return Reply(204)

    def _upsert(self, request: Request, version: str, name: str, field: str, value: str) -> Reply:
        values = request.json()
        if field in values:
            raise Refused(400, "INVALID_FIELD", f"The {field} field should not be specified in the sobject data.")
        found = self.store.matching(name, field, value)
        if len(found) > 1:
            return Reply(300, [f"/services/data/{version}/sobjects/{name}/{each}" for each in found])
        if found:
            self.store.update(name, found[0], values)
            return Reply(200, {"id": found[0], "success": True, "errors": [], "created": False})
        created = self.store.create(name, {**values, field: value}, allows_duplicates=True)
        return Reply(201, {"id": created, "success": True, "errors": [], "created": True})

    def _query(self, request: Request, version: str) -> Reply:
        query = parse(request.query.get("q", ""))
        found = query.run(self.store.of(query.object.name, with_deleted=request.path.endswith("queryAll")))
        locator = f"0r8{next(self._numbers):012d}AAA"
        self._cursors[locator] = (query, [row["Id"] for row in found])
        return self._page(request, version, locator, 0)

    def _more(self, request: Request, version: str, locator: str) -> Reply:
        name, _, offset = locator.partition("-")
        if name not in self._cursors or not offset.isdecimal():
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(request, version, name, int(offset))

    def _page(self, request: Request, version: str, locator: str, offset: int) -> Reply:
        query, ids = self._cursors[locator]
        asked = re.search(r"batchSize=(\d+)", request.header("Sforce-Query-Options") or "")
        end = offset + min(int(asked[1]) if asked else 2000, self.largest_page)
        rows = [self.store.rows[each] for each in ids[offset:end]]
        body: dict[str, Any] = {"totalSize": len(ids), "done": end >= len(ids)}
        if end < len(ids):
            body["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}-{end}"
        return Reply(200, {**body, "records": [_rendered(query, row, version) for row in rows]})


def _summaries() -> list[dict[str, Any]]:
    return [each.summary() for each in ORG.values()]


def _rendered(query: Query, row: Row, version: str) -> dict[str, Any]:
    name = query.object.name
    attributes = {"type": name, "url": f"/services/data/{version}/sobjects/{name}/{row['Id']}"}
    return {"attributes": attributes, **{field: row.get(field) for field in query.fields}}
