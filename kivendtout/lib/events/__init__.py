"""Events between systems: versioned types, read and written in one place, published and checked against change."""

from kivendtout.lib.events.avro import outgoing
from kivendtout.lib.events.base import AHEAD, EARLIEST, Event, Id, Message, Moment, Told
from kivendtout.lib.events.catalogue import Topic, kind_of, register_topics, topic_of, topics
from kivendtout.lib.events.decode import LARGEST, decode, encode
from kivendtout.lib.events.errors import InvalidEvent

__all__ = [
    "AHEAD",
    "EARLIEST",
    "LARGEST",
    "Event",
    "Id",
    "InvalidEvent",
    "Message",
    "Moment",
    "Told",
    "Topic",
    "decode",
    "encode",
    "kind_of",
    "outgoing",
    "register_topics",
    "topic_of",
    "topics",
]
