"""The requests that this broker takes, and from which to which version: the one list, also told to clients."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kafka.protocol import admin, consumer, metadata, producer

from . import handle_cluster, handle_data, handle_groups, handle_offsets, handle_topics
from .broker import Broker, Client

Handler = Callable[[Broker, Client, Any], Any | Awaitable[Any]]


class Api(NamedTuple):
    request: Any
    oldest: int
    newest: int
    handler: Handler


def api_versions(broker: Broker, client: Client, request: Any) -> Any:
    return metadata.ApiVersionsResponse(api_keys=supported())


_LIST = [
    Api(producer.ProduceRequest, 3, 13, handle_data.produce),
    Api(consumer.FetchRequest, 4, 17, handle_data.fetch),
    Api(consumer.ListOffsetsRequest, 1, 10, handle_data.list_offsets),
    Api(metadata.MetadataRequest, 0, 13, handle_cluster.metadata),
    Api(consumer.OffsetCommitRequest, 2, 9, handle_offsets.offset_commit),
    Api(consumer.OffsetFetchRequest, 1, 9, handle_offsets.offset_fetch),
    Api(metadata.FindCoordinatorRequest, 0, 6, handle_cluster.find_coordinator),
    Api(consumer.JoinGroupRequest, 0, 9, handle_groups.join_group),
    Api(consumer.HeartbeatRequest, 0, 4, handle_groups.heartbeat),
    Api(consumer.LeaveGroupRequest, 0, 5, handle_groups.leave_group),
    Api(consumer.SyncGroupRequest, 0, 5, handle_groups.sync_group),
    Api(admin.DescribeGroupsRequest, 0, 6, handle_groups.describe_groups),
    Api(admin.ListGroupsRequest, 0, 5, handle_groups.list_groups),
    Api(metadata.ApiVersionsRequest, 0, 4, api_versions),
    Api(admin.CreateTopicsRequest, 2, 7, handle_topics.create_topics),
    Api(admin.DeleteTopicsRequest, 1, 6, handle_topics.delete_topics),
    Api(producer.InitProducerIdRequest, 0, 5, handle_data.init_producer_id),
    Api(consumer.OffsetForLeaderEpochRequest, 2, 4, handle_data.offset_for_leader_epoch),
    Api(admin.DescribeConfigsRequest, 1, 4, handle_topics.describe_configs),
    Api(admin.CreatePartitionsRequest, 0, 3, handle_topics.create_partitions),
    Api(admin.DeleteGroupsRequest, 0, 2, handle_groups.delete_groups),
    Api(admin.IncrementalAlterConfigsRequest, 0, 1, handle_topics.incremental_alter_configs),
    Api(admin.DescribeClusterRequest, 0, 2, handle_cluster.describe_cluster),
]
APIS: dict[int, Api] = {api.request.API_KEY: api for api in _LIST}
API_VERSIONS_KEY: int = metadata.ApiVersionsRequest.API_KEY


def supported() -> list[Any]:
    kind = metadata.ApiVersionsResponse.ApiVersion
    return [kind(api_key=key, min_version=api.oldest, max_version=api.newest) for key, api in sorted(APIS.items())]
