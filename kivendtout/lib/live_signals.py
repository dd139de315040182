"""Tells open sockets at once that somebody's rights or session have changed.

What sends no signal (SQL, `QuerySet.update`) is found by the wardens' round, seconds later.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils import timezone

from kivendtout.lib.live_rights import rights_changed

# What signing in writes.
NO_RIGHT = {"last_login"}


def connect_rights() -> None:
    user: Any = get_user_model()
    post_delete.connect(_session_ended, sender=Session, dispatch_uid="kvt_live_session")
    post_save.connect(_person_saved, sender=user, dispatch_uid="kvt_live_person")
    post_delete.connect(_anybodys, sender=Group, dispatch_uid="kvt_live_group")
    for through in (user.groups.through, user.user_permissions.through):
        m2m_changed.connect(_persons_rights, sender=through, dispatch_uid=f"kvt_live_{through.__name__}")
    m2m_changed.connect(_groups_rights, sender=Group.permissions.through, dispatch_uid="kvt_live_permissions")


def _tell(**whom: Any) -> None:
    """Once it is so: a socket that asked sooner would find everything as it was."""
    transaction.on_commit(partial(rights_changed, **whom), robust=True)


def _session_ended(instance: Session, **_kwargs: Any) -> None:
    if instance.expire_date > timezone.now():  # long expired ones are swept away by the thousand
        _tell(session_key=instance.session_key)


def _person_saved(instance: Any, created: bool, update_fields: Any, **_kwargs: Any) -> None:
    if not created and not (update_fields and set(update_fields) <= NO_RIGHT):
        _tell(user_id=instance.pk)


def _persons_rights(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_kwargs: Any) -> None:
    if not action.startswith("post_"):
        return
    if not reverse:
        _tell(user_id=instance.pk)
        return
    if pk_set is None:  # a group was emptied: nobody says of whom
        _tell()
    for pk in pk_set or ():
        _tell(user_id=pk)


def _groups_rights(action: str, **_kwargs: Any) -> None:
    if action.startswith("post_"):
        _tell()


def _anybodys(**_kwargs: Any) -> None:
    _tell()
