"""One consumer group: who is in it, which generation, and the two barriers of a rebalance (join, then sync)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .codes import Code, RefusedError

EMPTY, JOINING, SYNCING, STABLE = "Empty", "PreparingRebalance", "CompletingRebalance", "Stable"


@dataclass
class Member:
    id: str
    instance_id: str | None
    client_id: str
    host: str
    session_timeout: float
    rebalance_timeout: float
    protocols: list[tuple[str, bytes]]
    assignment: bytes = b""
    join: "asyncio.Future[None] | None" = None
    sync: "asyncio.Future[bytes] | None" = None
    session: asyncio.TimerHandle | None = None

    def metadata(self, protocol: str | None) -> bytes:
        return dict(self.protocols).get(protocol or "", b"")

    def settle(self, error: RefusedError) -> None:
        """Answer what the member waits for, if it waits."""
        for waiting in (self.join, self.sync):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
        self.join = self.sync = None


@dataclass
class Group:
    id: str
    state: str = EMPTY
    generation: int = 0
    protocol_type: str = ""
    protocol: str | None = None
    leader: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)  # member ids given out, whose join has yet to come
    deadline: asyncio.TimerHandle | None = None

    def member(self, member_id: str, instance_id: str | None = None) -> Member:
        if instance_id is not None:
            holder = self.by_instance(instance_id)
            if holder is not None and holder.id != member_id:
                raise RefusedError(Code.FENCED_INSTANCE_ID)
        if member_id not in self.members:
            raise RefusedError(Code.UNKNOWN_MEMBER_ID)
        return self.members[member_id]

    def by_instance(self, instance_id: str | None) -> Member | None:
        if instance_id is None:
            return None
        return next((member for member in self.members.values() if member.instance_id == instance_id), None)

    def current(self, member_id: str, generation: int, instance_id: str | None = None) -> Member:
        member = self.member(member_id, instance_id)
        if generation != self.generation:
            raise RefusedError(Code.ILLEGAL_GENERATION)
        self.touch(member)
        return member

    # Sessions

    def touch(self, member: Member) -> None:
        if member.session is not None:
            member.session.cancel()
        loop = asyncio.get_running_loop()
        member.session = loop.call_later(member.session_timeout, self._expire, member)

    def _expire(self, member: Member) -> None:
        if member.join is not None:  # it waits for the others, and cannot send heartbeats meanwhile
            self.touch(member)
        elif self.members.get(member.id) is member:
            self.remove(member, RefusedError(Code.UNKNOWN_MEMBER_ID))

    def remove(self, member: Member, error: RefusedError) -> None:
        self.members.pop(member.id, None)
        if member.session is not None:
            member.session.cancel()
        member.settle(error)
        if self.state in (STABLE, SYNCING):
            self.start_joining()
        self.finish_joining_if_all_are_here()

    # First barrier: everybody joins

    def add(self, member: Member) -> None:
        self.members[member.id] = member
        self.promised.discard(member.id)
        self.touch(member)

    def start_joining(self) -> None:
        if self.state == JOINING:
            return
        for member in self.members.values():
            if member.sync is not None and not member.sync.done():
                member.sync.set_exception(RefusedError(Code.REBALANCE_IN_PROGRESS))
            member.sync = None
        self.state = JOINING
        self._set_deadline(self._finish_joining)

    def finish_joining_if_all_are_here(self) -> None:
        if self.state == JOINING and all(member.join is not None for member in self.members.values()):
            self._finish_joining()

    def _finish_joining(self) -> None:
        for absent in [member for member in self.members.values() if member.join is None]:
            del self.members[absent.id]
            if absent.session is not None:
                absent.session.cancel()
        self.generation += 1
        if not self.members:
            self._become_empty()
            return
        self.protocol = self._vote()
        self.leader = self.leader if self.leader in self.members else next(iter(self.members))
        self.state = SYNCING
        self._set_deadline(self._give_up_syncing)
        for member in self.members.values():
            member.assignment = b""
            joined, member.join = member.join, None
            self.touch(member)
            if joined is not None and not joined.done():
                joined.set_result(None)

    def _become_empty(self) -> None:
        self.state, self.protocol, self.leader = EMPTY, None, ""
        self._set_deadline(None)

    def common_protocols(self, members: Iterable[Member]) -> set[str]:
        sets = [{name for name, _ in member.protocols} for member in members]
        return set.intersection(*sets) if sets else set()

    def _vote(self) -> str:
        common = self.common_protocols(self.members.values())
        votes = Counter(
            next(name for name, _ in member.protocols if name in common) for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    # Second barrier: the leader shares out the work

    def finish_syncing(self, assignments: dict[str, bytes]) -> None:
        self.state = STABLE
        self._set_deadline(None)
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            if member.sync is not None and not member.sync.done():
                member.sync.set_result(member.assignment)
            member.sync = None

    def _give_up_syncing(self) -> None:
        for absent in [member for member in self.members.values() if member.sync is None]:
            if absent.session is not None:
                absent.session.cancel()
            del self.members[absent.id]
        self.start_joining()
        self.finish_joining_if_all_are_here()

    def _set_deadline(self, action: Callable[[], None] | None) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = None
        if action is not None:
            longest = max((member.rebalance_timeout for member in self.members.values()), default=0.0)
            self.deadline = asyncio.get_running_loop().call_later(longest, action)
