"""What makes a producer's retry harmless: the last batches of each producer, per partition."""

from collections import OrderedDict, deque
from typing import NamedTuple

from .batch import Batch
from .codes import Code, RefusedError

# A client has at most five requests in flight, so a retry is always one of the last five batches.
_REMEMBERED_BATCHES = 5
# Per partition; the one silent for longest is forgotten, so that a stream of short-lived producers cannot fill memory.
_REMEMBERED_PRODUCERS = 2000


class _Seen(NamedTuple):
    first: int
    last: int
    offset: int


class _Producer:
    __slots__ = ("epoch", "seen")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.seen: deque[_Seen] = deque(maxlen=_REMEMBERED_BATCHES)


class Producers:
    def __init__(self) -> None:
        self._known: OrderedDict[int, _Producer] = OrderedDict()

    def stored_offset(self, batch: Batch) -> int | None:
        """None: the batch is next in line. A number: it is stored already, there. Anything else is refused."""
        producer = self._known.get(batch.producer_id)
        if batch.producer_id < 0 or producer is None:
            return None
        if batch.producer_epoch < producer.epoch:
            raise RefusedError(Code.INVALID_PRODUCER_EPOCH, "A newer instance of this producer has taken over.")
        if batch.producer_epoch > producer.epoch:
            if batch.base_sequence != 0:
                raise RefusedError(Code.OUT_OF_ORDER_SEQUENCE, "A new producer epoch starts at sequence 0.")
            return None
        for seen in producer.seen:
            if (seen.first, seen.last) == (batch.base_sequence, batch.last_sequence):
                return seen.offset
        self._check_next(producer.seen[-1].last, batch)
        return None

    @staticmethod
    def _check_next(last: int, batch: Batch) -> None:
        ahead = (batch.base_sequence - last) & 0x7FFFFFFF
        if ahead == 1:
            return
        if ahead == 0 or ahead > 0x3FFFFFFF:  # behind us by less than half the ring
            raise RefusedError(Code.DUPLICATE_SEQUENCE, "The batch was stored before, too long ago to tell where.")
        raise RefusedError(Code.OUT_OF_ORDER_SEQUENCE, f"Sequence {batch.base_sequence} came after {last}.")

    def remember(self, batch: Batch, offset: int) -> None:
        if batch.producer_id < 0:
            return
        producer = self._known.get(batch.producer_id)
        if producer is None or producer.epoch != batch.producer_epoch:
            producer = self._known[batch.producer_id] = _Producer(batch.producer_epoch)
        self._known.move_to_end(batch.producer_id)
        producer.seen.append(_Seen(batch.base_sequence, batch.last_sequence, offset))
        if len(self._known) > _REMEMBERED_PRODUCERS:
            self._known.popitem(last=False)
