"""How the topics of a cluster differ from those that settings ask for, and what may be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.utils.translation import gettext_noop
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from kivendtout.lib.errors import Conflict
from kivendtout.lib.kafka import HOUR_MS, topic_configs

PARTITIONS: Final = "partitions"
REPLICATION: Final = "replication"


class NotChanged(Conflict):
    code = "topic_not_changed"
    message = gettext_noop("Kafka did not change topic %(topic)s: %(answer)s Correct the setting, then retry.")


@dataclass(frozen=True, slots=True)
class Found:
    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    topic: str
    what: str
    found: str
    wanted: str
    can_apply: bool
    """Without losing a message, or moving one to another machine."""

    @property
    def sentence(self) -> str:
        return _SENTENCES.get((self.what, self.can_apply), _CONFIG) % {
            "topic": self.topic,
            "what": self.what,
            "found": _shown(self.what, self.found),
            "wanted": _shown(self.what, self.wanted),
        }


_CONFIG: Final = "%(topic)s: %(what)s is %(found)s, and %(wanted)s is wanted."
_SENTENCES: Final = {
    (PARTITIONS, True): (
        "%(topic)s has %(found)s partitions, and %(wanted)s are wanted. A grown topic sends customers to other "
        "partitions: let the stream drain it first, so that nobody's messages overtake each other."
    ),
    (PARTITIONS, False): (
        "%(topic)s has %(found)s partitions, and %(wanted)s are wanted. Kafka cannot take partitions away: make a new "
        "topic, or raise the setting."
    ),
    (REPLICATION, False): (
        "%(topic)s has %(found)s copies, and %(wanted)s are wanted. Copies move between machines: change them with "
        "Kafka's own kafka-reassign-partitions."
    ),
}


def _shown(what: str, value: str) -> str:
    if what != "retention.ms" or not value.lstrip("-").isdigit():
        return value
    return "for ever" if int(value) < 0 else f"{int(value) / HOUR_MS:g} h"


def found_topics(admin: KafkaAdminClient, names: list[str]) -> dict[str, Found]:
    """Those of the names that exist."""
    known = set(admin.list_topics())
    names = [name for name in names if name in known]
    if not names:
        return {}
    described = {topic["name"]: topic["partitions"] for topic in admin.describe_topics(names)}
    asked = [ConfigResource("topic", name) for name in names]
    configs = admin.describe_configs(asked, config_filter="all").get("topic", {})
    return {
        name: Found(
            partitions=len(described[name]),
            replication=max((len(one["replica_nodes"]) for one in described[name]), default=0),
            configs={key: str(one["value"]) for key, one in configs.get(name, {}).items()},
        )
        for name in names
    }


def differences(name: str, partitions: int, found: Found) -> list[Difference]:
    differ = []
    if found.partitions != partitions:
        grows = partitions > found.partitions
        differ.append(Difference(name, PARTITIONS, str(found.partitions), str(partitions), grows))
    if settings.KAFKA_REPLICATION not in (-1, found.replication):
        wanted = str(settings.KAFKA_REPLICATION)
        differ.append(Difference(name, REPLICATION, str(found.replication), wanted, can_apply=False))
    for key, value in topic_configs(name).items():
        if found.configs.get(key, value) != value:
            differ.append(Difference(name, key, found.configs[key], value, can_apply=True))
    return differ


def apply(admin: KafkaAdminClient, difference: Difference) -> None:
    """Grows a topic or sets its configuration. Never shrinks, never moves a copy."""
    _APPLY.get(difference.what, _set_config)(admin, difference)


def _grow(admin: KafkaAdminClient, difference: Difference) -> None:
    admin.create_partitions({difference.topic: int(difference.wanted)})


def _set_config(admin: KafkaAdminClient, difference: Difference) -> None:
    change = ConfigResource("topic", difference.topic, {difference.what: difference.wanted})
    answer = admin.alter_configs([change], raise_on_unknown=False)["topic"][difference.topic]
    if answer != "OK":
        raise NotChanged(topic=difference.topic, answer=answer)


_APPLY: Final[dict[str, Callable[[KafkaAdminClient, Difference], None]]] = {PARTITIONS: _grow}
