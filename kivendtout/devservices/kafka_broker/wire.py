"""Bytes to requests and answers to bytes, one request at a time per connection, as the protocol wants it."""

import asyncio
import inspect
import io
import logging
import struct
from typing import Any

from kafka.protocol.metadata import ApiVersionsResponse

from .apis import API_VERSIONS_KEY, APIS, Api, supported
from .broker import Broker, Client
from .codes import Code

log = logging.getLogger("kafka_broker")

_SIZE = struct.Struct(">i")
_START = struct.Struct(">hhi")  # api key, its version, correlation id: the same in every header
# Until a connection has sent one request that makes sense, it is not given more memory than this.
_STRANGER_BYTES = 64 * 1024


class NonsenseError(Exception):
    """Bytes that are no request: the connection is closed, the broker goes on."""


class Connection:
    def __init__(self, broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._broker, self._reader, self._writer = broker, reader, writer
        peer = writer.get_extra_info("peername")
        self._host = peer[0] if peer else "unknown"
        self._limit = _STRANGER_BYTES

    async def serve(self) -> None:
        try:
            while True:
                answer = await self._answer(await self._frame())
                self._limit = self._broker.options.request_bytes
                if answer is not None:
                    self._writer.write(answer)
                    await self._writer.drain()
        except NonsenseError as nonsense:
            log.warning("closed a connection from %s: %s", self._host, nonsense)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        except Exception:
            log.exception("a request from %s could not be answered", self._host)
        finally:
            self._writer.close()

    async def _frame(self) -> bytes:
        (size,) = _SIZE.unpack(await self._reader.readexactly(_SIZE.size))
        if not _START.size <= size <= self._limit:
            raise NonsenseError(f"a request of {size} bytes, where {self._limit} are allowed")
        return await self._reader.readexactly(size)

    async def _answer(self, frame: bytes) -> bytes | bytearray | None:
        key, version, correlation = _START.unpack_from(frame)
        api = APIS.get(key)
        if api is None or not api.oldest <= version <= api.newest:
            if key == API_VERSIONS_KEY:
                return _too_new(correlation)
            raise NonsenseError(f"request kind {key} in version {version}")
        client, request = self._decode(api, version, frame)
        response = api.handler(self._broker, client, request)
        if inspect.isawaitable(response):
            response = await response
        return None if response is None else _encode(response, version, correlation)

    def _decode(self, api: Api, version: int, frame: bytes) -> tuple[Client, Any]:
        try:
            stream = io.BytesIO(frame)
            header = api.request.parse_header(stream, version=version)
            request = api.request.decode(memoryview(frame)[stream.tell() :], version=version)
        except Exception as error:  # whatever the decoder trips over, the sender is to blame
            raise NonsenseError(f"a request that cannot be read ({error})") from error
        return Client(header.client_id or "", self._host, version), request


def _encode(response: Any, version: int, correlation: int) -> bytearray:
    response.API_VERSION = version
    response.with_header(correlation_id=correlation)
    encoded: bytearray = response.encode(header=True, framed=True)
    return encoded


def _too_new(correlation: int) -> bytearray:
    """A client that speaks a newer ApiVersions gets the list in version 0, and asks again."""
    return _encode(ApiVersionsResponse(error_code=Code.UNSUPPORTED_VERSION, api_keys=supported()), 0, correlation)
