"""One connection that says exactly what the test wants said."""

import socket
import struct
from types import TracebackType
from typing import Any

from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder

_PRODUCE_VERSION = 9  # flexible, and still by topic name


class Raw:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._number = 0

    def __enter__(self) -> "Raw":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def is_closed_by_the_broker(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def ask(self, request: Any) -> Any:
        self._number += 1
        request.with_header(correlation_id=self._number, client_id="raw")
        self._socket.sendall(request.encode(framed=True, header=True))
        (size,) = struct.unpack(">i", self._exactly(4))
        return request.header.get_response_class().decode(self._exactly(size), header=True)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            data += piece
        return data

    def producer_id(self) -> tuple[int, int]:
        answer = self.ask(InitProducerIdRequest[3](transactional_id=None, transaction_timeout_ms=60000))
        assert answer.error_code == 0
        return answer.producer_id, answer.producer_epoch

    def produce(self, topic: str, batch: bytes, partition: int = 0, acks: int = -1) -> tuple[int, int]:
        """Error code and base offset."""
        kind = ProduceRequest.TopicProduceData
        part = kind.PartitionProduceData(index=partition, records=batch)
        data = [kind(name=topic, partition_data=[part])]
        request = ProduceRequest[_PRODUCE_VERSION](transactional_id=None, acks=acks, timeout_ms=5000, topic_data=data)
        answer = self.ask(request).responses[0].partition_responses[0]
        return answer.error_code, answer.base_offset


def batch(*values: str, producer: tuple[int, int] = (-1, -1), sequence: int = -1, timestamp: int = 1000) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=False, producer_id=producer[0], producer_epoch=producer[1],
        base_sequence=sequence, batch_size=10_000_000,
    )  # fmt: skip
    for number, value in enumerate(values):
        builder.append(number, timestamp, None, value.encode(), [])
    return bytes(builder.build())
