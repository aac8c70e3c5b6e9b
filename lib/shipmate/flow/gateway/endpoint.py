"""The HTTP endpoint of a flow whose first step is a webhook."""

import asyncio
import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, unquote

from shipmate.errors import BadInput
from shipmate.flow.gateway.answers import answer_of
from shipmate.flow.gateway.connection import Answer, BodyBudget, Connection, json_answer
from shipmate.flow.gateway.hook import Hook
from shipmate.flow.gateway.limits import Limits
from shipmate.flow.gateway.messages import REPLY_TO, message_of
from shipmate.flow.gateway.ports import Publish, StepFailure, StepReply, Storage
from shipmate.flow.gateway.request import BadRequest, Head

_log: Final = logging.getLogger("shipmate.flow")
_HOST: Final = "127.0.0.1"
_WORKERS: Final = 8
"""The threads that read bodies and publish messages."""
_BACKLOG: Final = 128
_LAST_ANSWERS_SECONDS: Final = 1.0
"""The time in which callers who still wait at the end learn that there is no reply."""

_Result = TypeVar("_Result")


def webhook_url(flow_id: str, port: int) -> str:
    """Return the address of a flow's webhook.

    >>> webhook_url("my flow", 8000)
    'http://127.0.0.1:8000/hook/my%20flow'
    """
    return f"http://{_HOST}:{port}/hook/{quote(flow_id, safe='')}"


class Gateway:
    """Takes requests at ``http://127.0.0.1:<port>/hook/<flow id>`` and gives them to the flow; a context manager."""

    def __init__(
        self, hook: Hook, publish: Publish, storage: Storage, *, port: int = 0, limits: Limits | None = None
    ) -> None:
        """Listen to nothing yet.

        Args:
            hook: The webhook.
            publish: Puts messages into the queue of the first step.
            storage: Stores attachments, and has the files of replies.
            port: The port, 0 for a free one.
            limits: The limits of requests.
        """
        self._hook = hook
        self._publish = publish
        self._storage = storage
        self._port = port
        self._limits = limits or Limits()
        self._budget = BodyBudget(self._limits.held_bytes)
        self._waiting: dict[str, asyncio.Future[StepReply | StepFailure]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_accepting = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="shipmate-gateway")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address of the webhook, after `start`."""
        return webhook_url(self._hook.flow_id, self._port)

    def start(self) -> Self:
        """Listen.

        Raises:
            BadInput: The port is taken, or may not be used.
        """
        try:
            listener = socket.create_server((_HOST, self._port), backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "not a port"
            raise BadInput(f"--webhook-port: expected a free port, found {self._port}: {reason}") from None
        self._port = listener.getsockname()[1]
        is_ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, is_ready)), name="shipmate-gateway", daemon=True
        )
        self._thread.start()
        is_ready.wait()
        return self

    def stop_accepting(self) -> None:
        """Answer new requests with status 404; callers who wait still get their reply."""
        self._is_accepting = False

    def close(self) -> None:
        """Close all connections and the port; may be called again."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None:
            return
        self._is_accepting = False
        self._loop.call_soon_threadsafe(self._end.set)
        thread.join()
        self._workers.shutdown(cancel_futures=True)

    def on_reply(self, reply_to: str, reply: StepReply | StepFailure) -> None:
        """Answer the caller who waits; later replies, and replies to callers who have left, are dropped.

        Args:
            reply_to: The routing key of the reply.
            reply: The reply of a step, or its error.
        """
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._settle, reply_to, reply)

    def _settle(self, reply_to: str, reply: StepReply | StepFailure) -> None:
        waiting = self._waiting.get(reply_to)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def _serve(self, listener: socket.socket, is_ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accept, sock=listener, limit=self._limits.head_bytes)
        is_ready.set()
        await self._end.wait()
        server.close()
        if self._waiting:
            for waiting in self._waiting.values():
                waiting.cancel()
            await asyncio.wait(self._tasks, timeout=_LAST_ANSWERS_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = len(self._tasks)
        if count >= 2 * self._limits.connections:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(
            self._connection(reader, writer, is_refused=count >= self._limits.connections)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_refused: bool
    ) -> None:
        connection = Connection(reader, writer, self._exchange, self._limits, self._budget)
        try:
            if is_refused:
                await connection.refuse(json_answer(429, {"error": "too many connections: try again later"}))
            else:
                await connection.serve()
        except Exception as error:  # the edge of a connection: the others go on
            _log.error("a connection to the webhook failed", exc_info=error)
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _exchange(self, head: Head, connection: Connection) -> Answer:
        """Answer one request.

        Raises:
            BadRequest: The request is refused.
        """
        suffix = self._path_suffix(head)
        if head.method == "HEAD":
            return Answer(200)
        if head.method not in ("GET", "POST"):
            return Answer(405, headers=(("allow", "GET, HEAD, POST"),))
        self._hook.authorization.check_headers(head)
        body = await connection.read_body(head)
        self._hook.authorization.check_body(head, body)
        request_id = uuid.uuid4().hex
        if self._hook.reply_prefix is None:
            await self._take(head, suffix, body, {}, request_id, connection)
            return json_answer(200, {"requestId": request_id, "message": "thank you"})
        reply_to = f"{self._hook.reply_prefix}.{request_id}"
        self._waiting[reply_to] = asyncio.get_running_loop().create_future()
        try:
            await self._take(head, suffix, body, {REPLY_TO: reply_to}, request_id, connection)
            return await self._reply(self._waiting[reply_to], connection)
        finally:
            del self._waiting[reply_to]

    def _path_suffix(self, head: Head) -> str:
        """Return the path behind the id of the flow.

        Raises:
            BadRequest: The path is that of no running flow; the status is 404.
        """
        _, root, flow_id = f"{head.path}//".split("/")[:3]
        if root != "hook" or unquote(flow_id) != self._hook.flow_id or not self._is_accepting:
            raise BadRequest("there is no running flow at this address", 404)
        return head.path.removeprefix(f"/{root}/{flow_id}")

    async def _take(
        self, head: Head, suffix: str, body: bytes, reply: Mapping[str, str], thread_id: str, connection: Connection
    ) -> None:
        """Make a message of the request, and put it into the queue.

        Raises:
            BadRequest: The body is malformed, the queue is full, or the message could not be published.
        """

        def publish() -> bool:
            message = message_of(head, suffix, body, self._hook, self._storage, self._limits)
            headers = {"messageId": message["id"], "threadId": thread_id, "x-eio-meta-trace-id": thread_id, **reply}
            return self._publish(message, headers)

        try:
            is_queued = await self._in_thread(publish)
        except BadRequest:
            raise
        except Exception as error:  # the edge to the coordinator: the caller gets an answer
            _log.error("a request could not be queued", exc_info=error)
            raise BadRequest("the request could not be queued", 500) from None
        finally:
            connection.release_body()
        if not is_queued:
            raise BadRequest("the queue of the flow is full: send this request later", 429)

    async def _reply(self, waiting: "asyncio.Future[StepReply | StepFailure]", connection: Connection) -> Answer:
        leaving = asyncio.ensure_future(connection.wait_until_closed())
        both: tuple[asyncio.Future[Any], ...] = (waiting, leaving)
        try:
            await asyncio.wait(both, timeout=self._limits.reply_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if waiting.cancelled():
            return json_answer(500, {"error": "the flow has ended without a reply"}, is_last=True)
        if not waiting.done():
            return self._without_reply(has_left=leaving.done())
        reply = waiting.result()
        if isinstance(reply, StepFailure):
            _log.error("step %s failed: the caller of the webhook gets its error", reply.step_id)
        return await self._in_thread(lambda: answer_of(reply, self._storage))

    def _without_reply(self, *, has_left: bool) -> Answer:
        seconds = self._limits.reply_seconds
        if has_left:
            _log.info("the caller of the webhook has closed the connection before the reply")
        else:
            _log.error("no step has replied to a request within %g seconds", seconds)
        return json_answer(500, {"error": f"the flow has not replied within {seconds:g} seconds"}, is_last=has_left)

    async def _in_thread(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._workers, function)
