"""Models that say what a script tells them, for the agents of three vendors.

An agent sends what its model shall see, and does what the model answers. Here the answers come from
a flow: a generator that yields calls of our tools and is sent what the agent shows the model of
each result. So an agent can be tried without an account, a model or a network.
"""

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias, cast
from uuid import uuid4

__all__ = ["Flow", "Json", "Script", "serve", "text_of"]

Json: TypeAlias = dict[str, Any]
Flow: TypeAlias = Generator[tuple[str, Json], str, None]
"""Yields a tool and its arguments, and gets the result as the model sees it."""

_DONE = "All done."


class Script:
    """One flow, under way.

    Attributes:
        failure: Why the flow failed; None when it did not.
        is_done: Whether it has come to its end.
        calls: How many tools it has called.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call: tuple[str, Json] | None = None
        self._lock = threading.Lock()
        self.failure: str | None = None
        self.is_done = False
        self.calls = 0

    def answer(self, body: Json, vendor: "type[Vendor]") -> Iterator[Json]:
        """Return the events with which a model answers a request."""
        with self._lock:
            declared = vendor.declared(body)
            if not declared or self.is_done:  # a title for the session, say
                return vendor.text(_DONE)
            result = vendor.result(body)
            if self._call is None or result is not None:
                self._advance(result or "")
            if self._call is None:
                return vendor.text(_DONE)
            tool, arguments = self._call
            name = next((name for name in declared if name.endswith(tool)), None)
            if name is None:
                return vendor.look_up(tool)
            self.calls += 1
            return vendor.call(name, arguments, self.calls)

    def _advance(self, result: str) -> None:
        try:
            self._call = next(self._flow) if self._call is None else self._flow.send(result)
        except StopIteration:
            self._call, self.is_done = None, True
        except Exception as error:  # noqa: BLE001 - whatever it is, this flow has failed
            self._call, self.is_done = None, True
            self.failure = f"{type(error).__name__}: {error}\nThe model saw: {result[:1500]}"


class Vendor:
    """How one vendor's API carries tools, calls and results."""

    path = ""

    @staticmethod
    def declared(body: Json) -> list[str]:
        """Return the names of the tools that the model may call."""
        raise NotImplementedError

    @staticmethod
    def result(body: Json) -> str | None:
        """Return what the model sees of the last result of one of our tools, if that is new."""
        raise NotImplementedError

    @staticmethod
    def text(said: str) -> Iterator[Json]:
        """Say something and end."""
        raise NotImplementedError

    @staticmethod
    def call(name: str, arguments: Json, number: int, /) -> Iterator[Json]:
        """Call a tool."""
        raise NotImplementedError

    @staticmethod
    def look_up(tool: str) -> Iterator[Json]:
        """Ask for the definition of a tool that has not been declared."""
        raise AssertionError(f"{tool} is not declared")


class Anthropic(Vendor):
    """The Messages API, as Claude Code speaks it."""

    path = "/v1/messages"

    @staticmethod
    def declared(body: Json) -> list[str]:
        """Return the names of the tools that the model may call."""
        return [tool["name"] for tool in body.get("tools", [])]

    @staticmethod
    def result(body: Json) -> str | None:
        """Return the texts of the last message's tool results."""
        messages: list[Json] = body["messages"]
        for message in reversed(messages):
            blocks: list[Json] | str = message["content"]
            for block in blocks if isinstance(blocks, list) else []:
                if block.get("type") == "tool_result":
                    is_ours = str(block["tool_use_id"]).startswith("toolu_synapse")
                    return text_of(block.get("content")) if is_ours else None
        return None

    @staticmethod
    def text(said: str) -> Iterator[Json]:
        """Say something and end."""
        block = {"type": "text", "text": ""}
        return Anthropic._turn(block, {"type": "text_delta", "text": said}, "end_turn")

    @staticmethod
    def call(name: str, arguments: Json, number: int, /) -> Iterator[Json]:
        """Call a tool."""
        return Anthropic._use(name, arguments, f"toolu_synapse{number}")

    @staticmethod
    def look_up(tool: str) -> Iterator[Json]:
        """Load the tool's definition first: Claude Code shows the model few of them."""
        query = {"query": f"select:mcp__synapse__{tool}", "max_results": 1}
        return Anthropic._use("ToolSearch", query, f"toolu_search_{tool}")

    @staticmethod
    def _use(name: str, arguments: Json, use_id: str) -> Iterator[Json]:
        block: Json = {"type": "tool_use", "id": use_id, "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        return Anthropic._turn(block, delta, "tool_use")

    @staticmethod
    def _turn(block: Json, delta: Json, reason: str) -> Iterator[Json]:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": f"msg_{uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
        }
        end: Json = {"stop_reason": None, "stop_sequence": None}
        yield {
            "type": "message_start",
            "message": {**message, **end, "content": [], "usage": usage},
        }
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
        yield {"type": "message_delta", "delta": {**end, "stop_reason": reason}, "usage": usage}
        yield {"type": "message_stop"}


class Gemini(Vendor):
    """`generateContent`, as Gemini CLI speaks it."""

    path = "enerateContent"

    @staticmethod
    def declared(body: Json) -> list[str]:
        """Return the names of the tools that the model may call."""
        return [
            function["name"]
            for tool in body.get("tools", [])
            for function in tool.get("functionDeclarations", [])
        ]

    @staticmethod
    def result(body: Json) -> str | None:
        """Return the last function's response."""
        parts = body["contents"][-1].get("parts", [])
        found = [part["functionResponse"] for part in parts if "functionResponse" in part]
        return text_of(found[-1]["response"]) if found else None

    @staticmethod
    def text(said: str) -> Iterator[Json]:
        """Say something and end."""
        return Gemini._turn({"text": said})

    @staticmethod
    def call(name: str, arguments: Json, _number: int, /) -> Iterator[Json]:
        """Call a tool."""
        return Gemini._turn({"functionCall": {"name": name, "args": arguments}})

    @staticmethod
    def _turn(part: Json) -> Iterator[Json]:
        candidate = {
            "content": {"role": "model", "parts": [part]},
            "finishReason": "STOP",
            "index": 0,
        }
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        yield {"candidates": [candidate], "usageMetadata": usage}


class OpenAI(Vendor):
    """The Responses API, as Codex speaks it."""

    path = "/responses"

    @staticmethod
    def declared(body: Json) -> list[str]:
        """Return the names of the tools, those of a namespace as `NAMESPACE/NAME`."""
        names: list[str] = []
        for tool in body.get("tools", []):
            inner = [f"{tool['name']}/{one['name']}" for one in tool.get("tools", [])]
            names += inner or [tool.get("name", "")]
        return names

    @staticmethod
    def result(body: Json) -> str | None:
        """Return the output of the last call."""
        last = body["input"][-1]
        is_output = last.get("type") == "function_call_output"
        return text_of(last["output"]) if is_output else None

    @staticmethod
    def text(said: str) -> Iterator[Json]:
        """Say something and end."""
        content: list[Json] = [{"type": "output_text", "text": said, "annotations": []}]
        return OpenAI._turn(
            {"type": "message", "id": f"msg_{uuid4().hex}", "role": "assistant", "content": content}
        )

    @staticmethod
    def call(name: str, arguments: Json, number: int, /) -> Iterator[Json]:
        """Call a tool."""
        namespace, _, plain = name.rpartition("/")
        item: Json = {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": plain,
            "arguments": json.dumps(arguments),
        }
        return OpenAI._turn({**item, "namespace": namespace} if namespace else item)

    @staticmethod
    def _turn(item: Json) -> Iterator[Json]:
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        response_id = f"resp_{uuid4().hex}"
        yield {"type": "response.created", "response": {"id": response_id}}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        yield {"type": "response.completed", "response": {"id": response_id, "usage": usage}}


_VENDORS = (Anthropic, Gemini, OpenAI)


def text_of(shown: object) -> str:
    """Return all text in what a model is shown, JSON inside it included."""
    match shown:
        case str():
            return shown
        case list():
            return "\n".join(map(text_of, cast("list[object]", shown)))
        case {"text": str() as text}:
            return text
        case Mapping():
            return "\n".join(map(text_of, cast("Mapping[str, object]", shown).values()))
        case _:
            return json.dumps(shown)


def _name(event: Json) -> str:
    """Gemini's events have no names, and must have none."""
    return f"event: {event['type']}\n" if "type" in event else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_POST(self) -> None:
        body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        path = self.path.partition("?")[0]
        vendor = next((one for one in _VENDORS if path.endswith(one.path)), None)
        if vendor is None:
            self._send(b'{"input_tokens": 1, "totalTokens": 1}', "application/json")
            return
        events = list(self.script.answer(body, vendor))
        if body.get("stream") or path.endswith("streamGenerateContent"):
            frames = "".join(f"{_name(event)}data: {json.dumps(event)}\n\n" for event in events)
            self._send(frames.encode(), "text/event-stream")
        else:
            self._send(json.dumps(events[-1]).encode(), "application/json")

    def do_GET(self) -> None:
        self._send(b'{"data": [], "models": []}', "application/json")

    def _send(self, content: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Say nothing."""


def serve(script: Script) -> ThreadingHTTPServer:
    """Serve a script on a port of this machine; the caller shuts the server down."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
