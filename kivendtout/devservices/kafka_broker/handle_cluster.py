"""Who this broker is, which topics there are, and where the coordinator is: always here."""

from typing import Any

from kafka.protocol.admin import DescribeClusterResponse
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse

from .broker import LEADER_EPOCH, NODE_ID, Broker, Client
from .codes import Code, RefusedError
from .topics import Topic

_GROUP_KEY = 0
_CONTROLLERS = 2


def metadata(broker: Broker, client: Client, request: Any) -> MetadataResponse:
    here = MetadataResponse.MetadataResponseBroker(
        node_id=NODE_ID, host=broker.options.host, port=broker.options.port, rack=None
    )
    if request.topics is None or (client.version == 0 and not request.topics):
        topics = [_describe(topic) for topic in broker.topics.by_name.values()]
    else:
        topics = [_look_up(broker, asked, request.allow_auto_topic_creation) for asked in request.topics]
    return MetadataResponse(brokers=[here], cluster_id=broker.cluster_id, controller_id=NODE_ID, topics=topics)


def _look_up(broker: Broker, asked: Any, may_create: bool) -> Any:
    try:
        try:
            return _describe(broker.topics.get(asked.name, asked.topic_id))
        except RefusedError:
            if not (broker.options.auto_create and may_create and asked.name):
                raise
            return _describe(broker.topics.create(asked.name, broker.options.default_partitions, {}))
    except RefusedError as refused:
        return MetadataResponse.MetadataResponseTopic(
            error_code=refused.code, name=asked.name, topic_id=asked.topic_id, partitions=[]
        )


def _describe(topic: Topic) -> Any:
    kind = MetadataResponse.MetadataResponseTopic
    partitions = [
        kind.MetadataResponsePartition(
            partition_index=number, leader_id=NODE_ID, leader_epoch=LEADER_EPOCH,
            replica_nodes=[NODE_ID], isr_nodes=[NODE_ID], offline_replicas=[],
        )
        for number in range(len(topic.partitions))
    ]  # fmt: skip
    return kind(name=topic.name, topic_id=topic.id, partitions=partitions)


def find_coordinator(broker: Broker, client: Client, request: Any) -> FindCoordinatorResponse:
    place = {"node_id": NODE_ID, "host": broker.options.host, "port": broker.options.port}
    if request.key_type != _GROUP_KEY:
        code, message = Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "This development broker has no transactions."
    else:
        code, message = Code.NONE, None
    coordinators = [
        FindCoordinatorResponse.Coordinator(key=key, error_code=code, error_message=message, **place)
        for key in request.coordinator_keys or []
    ]
    return FindCoordinatorResponse(error_code=code, error_message=message, coordinators=coordinators, **place)


def describe_cluster(broker: Broker, client: Client, request: Any) -> DescribeClusterResponse:
    here = DescribeClusterResponse.DescribeClusterBroker(
        broker_id=NODE_ID, host=broker.options.host, port=broker.options.port, rack=None
    )
    if request.endpoint_type == _CONTROLLERS:
        return DescribeClusterResponse(
            error_code=Code.UNSUPPORTED_ENDPOINT_TYPE, error_message="Ask the broker.", cluster_id="", brokers=[]
        )
    return DescribeClusterResponse(cluster_id=broker.cluster_id, controller_id=NODE_ID, brokers=[here])
