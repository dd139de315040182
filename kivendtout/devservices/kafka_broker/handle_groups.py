"""Group membership: the protocol's words to and from the coordinator's."""

from typing import Any

from kafka.protocol.admin import DeleteGroupsResponse, DescribeGroupsResponse, ListGroupsResponse
from kafka.protocol.consumer import HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, SyncGroupResponse

from .broker import Broker, Client
from .codes import Code, RefusedError
from .coordinator import Joining, MemberIdRequiredError
from .group import STABLE, Group, Member

_TWO_STEPS_FROM = 4  # from this JoinGroup version on, a client first gets its member id and joins with it


async def join_group(broker: Broker, client: Client, request: Any) -> JoinGroupResponse:
    asked = Joining(
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=client.client_id,
        host=client.host,
        session_timeout=request.session_timeout_ms / 1000,
        rebalance_timeout=(request.rebalance_timeout_ms if client.version else request.session_timeout_ms) / 1000,
        protocol_type=request.protocol_type,
        protocols=[(protocol.name, bytes(protocol.metadata)) for protocol in request.protocols],
        knows_two_steps=client.version >= _TWO_STEPS_FROM,
    )
    try:
        group, member = await broker.coordinator.join(request.group_id, asked)
    except RefusedError as refused:
        member_id = refused.member_id if isinstance(refused, MemberIdRequiredError) else request.member_id
        name = None if client.version >= 7 else ""  # the name may be null from version 7 on
        return JoinGroupResponse(
            error_code=refused.code, generation_id=-1, protocol_type=None, protocol_name=name, leader="",
            member_id=member_id, members=[],
        )  # fmt: skip
    return _joined(group, member)


def _joined(group: Group, member: Member) -> JoinGroupResponse:
    kind = JoinGroupResponse.JoinGroupResponseMember
    everyone = [
        kind(member_id=other.id, group_instance_id=other.instance_id, metadata=other.metadata(group.protocol))
        for other in group.members.values()
    ]
    return JoinGroupResponse(
        generation_id=group.generation, protocol_type=group.protocol_type, protocol_name=group.protocol,
        leader=group.leader, member_id=member.id, members=everyone if member.id == group.leader else [],
    )  # fmt: skip


async def sync_group(broker: Broker, client: Client, request: Any) -> SyncGroupResponse:
    group = broker.coordinator.group(request.group_id)
    try:
        member = group.current(request.member_id, request.generation_id, request.group_instance_id)
        shares = {share.member_id: bytes(share.assignment) for share in request.assignments}
        assignment = await broker.coordinator.sync(group, member, shares)
    except RefusedError as refused:
        return SyncGroupResponse(error_code=refused.code, protocol_type=None, protocol_name=None, assignment=b"")
    return SyncGroupResponse(protocol_type=group.protocol_type, protocol_name=group.protocol, assignment=assignment)


def heartbeat(broker: Broker, client: Client, request: Any) -> HeartbeatResponse:
    group = broker.coordinator.group(request.group_id)
    try:
        broker.coordinator.heartbeat(group, request.member_id, request.generation_id, request.group_instance_id)
    except RefusedError as refused:
        return HeartbeatResponse(error_code=refused.code)
    return HeartbeatResponse()


def leave_group(broker: Broker, client: Client, request: Any) -> LeaveGroupResponse:
    group = broker.coordinator.group(request.group_id)
    leaving = [(each.member_id, each.group_instance_id) for each in request.members or []]
    if client.version < 3:  # one member in the request itself
        return LeaveGroupResponse(error_code=_leave(broker, group, request.member_id, None))
    members = [
        LeaveGroupResponse.MemberResponse(
            member_id=member_id, group_instance_id=instance, error_code=_leave(broker, group, member_id, instance)
        )
        for member_id, instance in leaving
    ]
    return LeaveGroupResponse(members=members)


def _leave(broker: Broker, group: Group, member_id: str, instance_id: str | None) -> Code:
    try:
        broker.coordinator.leave(group, member_id, instance_id)
    except RefusedError as refused:
        return refused.code
    return Code.NONE


def list_groups(broker: Broker, client: Client, request: Any) -> ListGroupsResponse:
    wanted = {state.lower() for state in request.states_filter or []}
    kind = ListGroupsResponse.ListedGroup
    groups = [
        kind(group_id=name, protocol_type=group.protocol_type, group_state=group.state, group_type="classic")
        for name, group in broker.coordinator.known().items()
        if not wanted or group.state.lower() in wanted
    ]
    return ListGroupsResponse(groups=groups)


def describe_groups(broker: Broker, client: Client, request: Any) -> DescribeGroupsResponse:
    known = broker.coordinator.known()
    return DescribeGroupsResponse(groups=[_describe(name, known.get(name), client) for name in request.groups])


def _describe(name: str, group: Group | None, client: Client) -> Any:
    kind = DescribeGroupsResponse.DescribedGroup
    if group is None:
        code = Code.GROUP_ID_NOT_FOUND if client.version >= 6 else Code.NONE
        return kind(
            error_code=code, error_message=None, group_id=name, group_state="Dead", protocol_type="",
            protocol_data="", members=[],
        )  # fmt: skip
    settled = group.state == STABLE
    members = [
        kind.DescribedGroupMember(
            member_id=member.id, group_instance_id=member.instance_id, client_id=member.client_id,
            client_host=f"/{member.host}", member_metadata=member.metadata(group.protocol) if settled else b"",
            member_assignment=member.assignment if settled else b"",
        )
        for member in group.members.values()
    ]  # fmt: skip
    return kind(
        error_message=None, group_id=name, group_state=group.state, protocol_type=group.protocol_type,
        protocol_data=(group.protocol or "") if settled else "", members=members,
    )  # fmt: skip


def delete_groups(broker: Broker, client: Client, request: Any) -> DeleteGroupsResponse:
    kind = DeleteGroupsResponse.DeletableGroupResult
    results = []
    for name in request.groups_names:
        try:
            broker.coordinator.delete(name)
            results.append(kind(group_id=name))
        except RefusedError as refused:
            results.append(kind(group_id=name, error_code=refused.code))
    return DeleteGroupsResponse(results=results)
