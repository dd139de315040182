"""The group coordinator: what each group request may do to a group."""

import asyncio
import uuid
from dataclasses import dataclass

from .codes import Code, RefusedError
from .group import EMPTY, JOINING, STABLE, SYNCING, Group, Member
from .offsets import Committed, Offsets

_LONGEST_SESSION = 1800.0  # Apache Kafka's own upper bound
_MOST_METADATA = 4096  # likewise, for the note that may travel with a commit


@dataclass
class Joining:
    """A JoinGroup request in the coordinator's own words."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    session_timeout: float
    rebalance_timeout: float
    protocol_type: str
    protocols: list[tuple[str, bytes]]
    knows_two_steps: bool


class Coordinator:
    def __init__(self, offsets: Offsets, shortest_session: float) -> None:
        self.offsets = offsets
        self.groups: dict[str, Group] = {}
        self._shortest_session = shortest_session

    def group(self, group_id: str) -> Group:
        return self.groups.get(group_id) or Group(group_id)

    # Membership

    async def join(self, group_id: str, asked: Joining) -> tuple[Group, Member]:
        self._check_join(group_id, asked)
        group = self.groups.setdefault(group_id, Group(group_id))
        member = self._enter(group, asked)
        if member is None:
            member = self._new_member(group, asked)
        elif group.state in (STABLE, SYNCING) and member.protocols == asked.protocols and member.id != group.leader:
            group.touch(member)
            return group, member  # it only lost our answer
        member.protocols = asked.protocols
        member.session_timeout, member.rebalance_timeout = asked.session_timeout, asked.rebalance_timeout
        group.protocol_type = asked.protocol_type
        if member.join is not None and not member.join.done():
            member.join.set_exception(RefusedError(Code.REBALANCE_IN_PROGRESS))
        member.join = joined = asyncio.get_running_loop().create_future()
        group.start_joining()
        group.finish_joining_if_all_are_here()
        await joined
        return group, member

    def _check_join(self, group_id: str, asked: Joining) -> None:
        if not group_id:
            raise RefusedError(Code.INVALID_GROUP_ID)
        if not self._shortest_session <= asked.session_timeout <= _LONGEST_SESSION:
            raise RefusedError(Code.INVALID_SESSION_TIMEOUT)
        others = [m for m in self.group(group_id).members.values() if m.id != asked.member_id]
        names = {name for name, _ in asked.protocols}
        if not names or not asked.protocol_type:
            raise RefusedError(Code.INCONSISTENT_GROUP_PROTOCOL)
        group = self.group(group_id)
        if others and (group.protocol_type != asked.protocol_type or not names & group.common_protocols(others)):
            raise RefusedError(Code.INCONSISTENT_GROUP_PROTOCOL)

    def _enter(self, group: Group, asked: Joining) -> Member | None:
        """The member that asks, or None for one that is new and welcome."""
        if asked.member_id in group.promised:
            return None
        if asked.member_id:
            return group.member(asked.member_id, asked.instance_id)
        former = group.by_instance(asked.instance_id)
        if former is not None:
            group.remove(former, RefusedError(Code.FENCED_INSTANCE_ID))
        return None

    def _new_member(self, group: Group, asked: Joining) -> Member:
        member_id = asked.member_id or f"{asked.instance_id or asked.client_id}-{uuid.uuid4()}"
        if not asked.member_id and asked.knows_two_steps and asked.instance_id is None:
            group.promised.add(member_id)
            asyncio.get_running_loop().call_later(asked.session_timeout, group.promised.discard, member_id)
            raise MemberIdRequiredError(member_id)
        member = Member(
            member_id, asked.instance_id, asked.client_id, asked.host,
            asked.session_timeout, asked.rebalance_timeout, asked.protocols,
        )  # fmt: skip
        group.add(member)
        return member

    async def sync(self, group: Group, member: Member, assignments: dict[str, bytes]) -> bytes:
        if group.state == JOINING:
            raise RefusedError(Code.REBALANCE_IN_PROGRESS)
        if group.state == STABLE:
            return member.assignment
        synced: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        member.sync = synced
        if member.id == group.leader:
            group.finish_syncing(assignments)
        return await synced

    def heartbeat(self, group: Group, member_id: str, generation: int, instance_id: str | None) -> None:
        group.current(member_id, generation, instance_id)
        if group.state == JOINING:
            raise RefusedError(Code.REBALANCE_IN_PROGRESS)

    def leave(self, group: Group, member_id: str, instance_id: str | None) -> None:
        if not member_id and instance_id is not None:
            member = group.by_instance(instance_id)
            if member is None:
                raise RefusedError(Code.UNKNOWN_MEMBER_ID)
        elif member_id in group.promised:
            group.promised.discard(member_id)
            return
        else:
            member = group.member(member_id, instance_id)
        group.remove(member, RefusedError(Code.UNKNOWN_MEMBER_ID))

    # Offsets

    def check_commit(self, group_id: str, member_id: str, generation: int, instance_id: str | None) -> None:
        group = self.group(group_id)
        if generation < 0 and not member_id:
            if group.state != EMPTY:
                raise RefusedError(Code.UNKNOWN_MEMBER_ID)
            return
        group.current(member_id, generation, instance_id)
        if group.state == SYNCING:
            raise RefusedError(Code.REBALANCE_IN_PROGRESS)

    def commit(self, group_id: str, commits: dict[tuple[str, int], Committed]) -> None:
        if any(len(at.metadata) > _MOST_METADATA for at in commits.values()):
            raise RefusedError(Code.OFFSET_METADATA_TOO_LARGE)
        self.offsets.commit(group_id, commits)

    # Administration

    def known(self) -> dict[str, Group]:
        """Groups with members and groups of which only the commits are left."""
        return {name: self.group(name) for name in [*self.groups, *self.offsets.groups]}

    def delete(self, group_id: str) -> None:
        if group_id not in self.known():
            raise RefusedError(Code.GROUP_ID_NOT_FOUND)
        if self.group(group_id).state != EMPTY:
            raise RefusedError(Code.NON_EMPTY_GROUP)
        self.offsets.forget_group(group_id)
        self.groups.pop(group_id, None)


class MemberIdRequiredError(RefusedError):
    def __init__(self, member_id: str) -> None:
        super().__init__(Code.MEMBER_ID_REQUIRED)
        self.member_id = member_id
