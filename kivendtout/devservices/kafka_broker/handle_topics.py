"""Topic administration."""

from typing import Any

from kafka.protocol.admin import (
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
    DescribeConfigsResponse,
    IncrementalAlterConfigsResponse,
)

from . import configs
from .broker import Broker, Client
from .codes import Code, RefusedError
from .topics import Topic

_TOPIC, _BROKER = 2, 4  # resource types
_SET_ON_TOPIC, _DEFAULT = 1, 5  # where a value comes from
_SET, _UNSET = 0, 1  # operations of an incremental change
_REPLICATION = (-1, 1)


def create_topics(broker: Broker, client: Client, request: Any) -> CreateTopicsResponse:
    return CreateTopicsResponse(topics=[_create(broker, asked, request.validate_only) for asked in request.topics])


def _create(broker: Broker, asked: Any, only_check: bool) -> Any:
    kind = CreateTopicsResponse.CreatableTopicResult
    overrides = {config.name: config.value for config in asked.configs or []}
    partitions = len(asked.assignments or []) or asked.num_partitions
    if partitions == -1:
        partitions = broker.options.default_partitions
    try:
        if asked.replication_factor not in _REPLICATION:
            raise RefusedError(Code.INVALID_REPLICATION_FACTOR, "There is one broker: the replication factor is 1.")
        if only_check:
            broker.topics.check_new(asked.name, partitions, overrides)
            topic_id = None
        else:
            topic_id = broker.topics.create(asked.name, partitions, overrides).id
    except RefusedError as refused:
        return kind(name=asked.name, error_code=refused.code, error_message=refused.message, configs=[])
    return kind(
        name=asked.name,
        topic_id=topic_id,
        error_message=None,
        num_partitions=partitions,
        replication_factor=1,
        configs=[],
    )


def delete_topics(broker: Broker, client: Client, request: Any) -> DeleteTopicsResponse:
    asked = [(name, None) for name in request.topic_names or []]
    asked += [(state.name, state.topic_id) for state in request.topics or []]
    return DeleteTopicsResponse(responses=[_delete(broker, name, topic_id) for name, topic_id in asked])


def _delete(broker: Broker, name: str | None, topic_id: Any) -> Any:
    kind = DeleteTopicsResponse.DeletableTopicResult
    try:
        topic = broker.topics.get(name, topic_id)
        broker.topics.delete(topic)
        broker.offsets.forget_topic(topic.name)
    except RefusedError as refused:
        return kind(name=name, topic_id=topic_id, error_code=refused.code, error_message=refused.message)
    return kind(name=topic.name, topic_id=topic.id, error_message=None)


def create_partitions(broker: Broker, client: Client, request: Any) -> CreatePartitionsResponse:
    kind = CreatePartitionsResponse.CreatePartitionsTopicResult
    results = []
    for asked in request.topics:
        try:
            broker.topics.grow(broker.topics.get(asked.name), asked.count, only_check=request.validate_only)
            results.append(kind(name=asked.name, error_message=None))
        except RefusedError as refused:
            results.append(kind(name=asked.name, error_code=refused.code, error_message=refused.message))
    return CreatePartitionsResponse(results=results)


def describe_configs(broker: Broker, client: Client, request: Any) -> DescribeConfigsResponse:
    kind = DescribeConfigsResponse.DescribeConfigsResult
    results = []
    for asked in request.resources:
        same = {"resource_type": asked.resource_type, "resource_name": asked.resource_name}
        try:
            overrides = _overrides(broker, asked)
            entries = [
                _entry(name, overrides) for name in configs.DEFAULTS if name in (asked.configuration_keys or [name])
            ]
            results.append(kind(error_message=None, configs=entries, **same))
        except RefusedError as refused:
            results.append(kind(error_code=refused.code, error_message=refused.message, configs=[], **same))
    return DescribeConfigsResponse(results=results)


def _overrides(broker: Broker, asked: Any) -> dict[str, str]:
    if asked.resource_type == _TOPIC:
        return broker.topics.get(asked.resource_name or " ").overrides
    if asked.resource_type == _BROKER:
        return {}
    raise RefusedError(Code.INVALID_REQUEST, "Only topics and the broker have configurations here.")


def _entry(name: str, overrides: dict[str, str]) -> Any:
    kind = DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult
    source = _SET_ON_TOPIC if name in overrides else _DEFAULT
    return kind(
        name=name, value=overrides.get(name, configs.DEFAULTS[name]), read_only=False, config_source=source,
        is_default=name not in overrides, is_sensitive=False, synonyms=[], documentation=None,
    )  # fmt: skip


def incremental_alter_configs(broker: Broker, client: Client, request: Any) -> IncrementalAlterConfigsResponse:
    kind = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse
    responses = []
    for asked in request.resources:
        same = {"resource_type": asked.resource_type, "resource_name": asked.resource_name}
        try:
            topic, changes = _changes(broker, asked)
            if not request.validate_only:
                broker.topics.configure(topic, changes)
            responses.append(kind(error_message=None, **same))
        except RefusedError as refused:
            responses.append(kind(error_code=refused.code, error_message=refused.message, **same))
    return IncrementalAlterConfigsResponse(responses=responses)


def _changes(broker: Broker, asked: Any) -> tuple[Topic, dict[str, str | None]]:
    if asked.resource_type != _TOPIC:
        raise RefusedError(Code.INVALID_REQUEST, "Only a topic's configuration can be changed here.")
    changes: dict[str, str | None] = {}
    for config in asked.configs:
        if config.config_operation not in (_SET, _UNSET):
            raise RefusedError(Code.INVALID_CONFIG, "A configuration can be set or removed; lists are set as a whole.")
        changes[config.name] = configs.check(config.name, config.value) if config.config_operation == _SET else None
    return broker.topics.get(asked.resource_name or " "), changes
