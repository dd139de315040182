"""Rules from and to text: shipped sets installed, folders of TOML files imported and exported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_noop
from msgspec import Struct

from apps.compliance.models import Tenant, User
from apps.fraud.engine import rules as language
from apps.fraud.engine.rule_text import RuleText, rule_read
from apps.fraud.models import RuleSet, RuleVersion
from apps.fraud.selectors.rules import file_name, ruleset_active, versions_in_force
from apps.fraud.services.rule_moves import (
    State,
    content_check,
    move_to_live,
    move_to_retired,
    move_to_shadow,
    rule_named,
    rules_lock,
    same_content,
    version_make,
)
from apps.fraud.services.rules import require_drafter
from apps.fraud.services.rulesets import require_approver, ruleset_publish
from kivendtout.lib.errors import InvalidInput, NotAllowed, NotFound
from kivendtout.lib.tenancy import tenant_scope

SHIPPED: Final = Path(language.__file__).parent / "shipped"
DEFAULT_SET: Final = "recommended"


class Installed(Struct):
    ruleset: RuleSet
    changed: bool
    rules: int
    retired: int


class Imported(Struct):
    drafted: list[str]
    activated: list[str]
    unchanged: list[str]
    ruleset: RuleSet | None


def shipped_sets() -> list[str]:
    return sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir() and not folder.name.startswith("_"))


def shipped_rules(*, name: str) -> list[RuleText]:
    if name not in shipped_sets():
        text = gettext_noop("There is no shipped rule set “%(name)s”. Choose one of: %(known)s.")
        raise NotFound(text, name=name, known=", ".join(shipped_sets()))
    return rules_read(folder=SHIPPED / name)


def rules_read(*, folder: Path) -> list[RuleText]:
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not files:
        raise InvalidInput(gettext_noop("%(folder)s holds no rule files (*.toml). Name another folder."), folder=folder)
    texts = [rule_read(file.read_text(encoding="utf-8"), file.name) for file in files]
    names = [file_name(text.code, shadow=text.state == "shadow") for text in texts]
    if twice := {name for name in names if names.count(name) > 1}:
        text = gettext_noop("The rule %(code)s stands in several files of %(folder)s. Keep one of them.")
        raise InvalidInput(text, code=", ".join(sorted(twice)), folder=folder)
    return texts


def rules_export(*, texts: dict[str, str], folder: Path) -> list[str]:
    """The folder then holds exactly these rules: files of others are removed, so that a diff shows what went."""
    folder.mkdir(parents=True, exist_ok=True)
    stale = [file for file in folder.glob("*.toml") if file.stem not in texts]
    for file in stale:
        if not _is_rule(file):  # a project's own folder, say, named by mistake
            text = gettext_noop("%(file)s is no rule. Export into a folder that holds nothing but rules.")
            raise InvalidInput(text, file=file)
    for file in stale:
        file.unlink()
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return sorted(texts)


def _is_rule(file: Path) -> bool:
    try:
        rule_read(file.read_text(encoding="utf-8"), file.name)
    except (InvalidInput, UnicodeDecodeError):
        return False
    return True


def ruleset_install(*, tenant: Tenant, name: str, now: datetime) -> Installed:
    """By the product, for who runs it: what ships counts as approved, and is marked as shipped for ever."""
    texts = shipped_rules(name=name)
    with tenant_scope(tenant.pk), transaction.atomic():
        rules_lock(tenant.pk)
        before = ruleset_active()
        kept = {_install(tenant, text, now).pk for text in texts}
        others = [version for version in versions_in_force() if version.pk not in kept]
        for version in others:
            move_to_retired(version=version, actor=None, now=now)
        ruleset = ruleset_publish(tenant_id=tenant.pk, actor=None, now=now, note=f"{name} installed", name=name)
        return Installed(ruleset, before is None or before.pk != ruleset.pk, len(texts), len(others))


def _install(tenant: Tenant, text: RuleText, now: datetime) -> RuleVersion:
    content_check(content=text, tenant_id=tenant.pk)
    rule = rule_named(code=text.code, tenant_id=tenant.pk, now=now)
    approved = RuleVersion.objects.filter(rule=rule, live_at__isnull=False).order_by("-number")
    version = next((one for one in approved if same_content(one, text)), None)
    if version is None:
        version = version_make(rule=rule, content=text, author=None, now=now, shipped=True, change_note="Shipped.")
    if version.state != State.LIVE:
        move_to_live(version=version, actor=None, now=now)
    return version


def rules_import(
    *, texts: Iterable[RuleText], author: User, now: datetime, approver: User | None = None, note: str = ""
) -> Imported:
    """Drafts of what differs; with an approver, who is somebody else, they go live (or in shadow) at once."""
    require_drafter(author, author.tenant_id)
    if approver is not None:
        require_approver(approver, author.tenant_id)
        if approver.pk == author.pk:
            raise NotAllowed(gettext_noop("Author and approver are one person. Name a second one as approver."))
    done = Imported([], [], [], None)
    with tenant_scope(author.tenant_id), transaction.atomic():
        rules_lock(author.tenant_id)
        for text in texts:
            _import(text, author, approver, now, note, done)
        if done.activated:
            note = f"imported: {', '.join(done.activated)}"
            done.ruleset = ruleset_publish(tenant_id=author.tenant_id, actor=approver, now=now, note=note)
    return done


def _import(text: RuleText, author: User, approver: User | None, now: datetime, note: str, done: Imported) -> None:
    content_check(content=text, tenant_id=author.tenant_id)
    rule = rule_named(code=text.code, tenant_id=author.tenant_id, now=now)
    wanted = State.SHADOW if text.state == "shadow" else State.LIVE
    known = RuleVersion.objects.filter(rule=rule, state__in=[wanted] if approver else [wanted, State.DRAFT])
    if any(same_content(version, text) for version in known):
        done.unchanged.append(text.code)
        return
    version = version_make(rule=rule, content=text, author=author, now=now, change_note=note.strip()[:300])
    done.drafted.append(text.code)
    if approver is None:
        return
    move_to_shadow(version=version, actor=author, now=now)
    if wanted == State.LIVE:
        move_to_live(version=version, actor=approver, now=now, approved_by=approver)
    done.activated.append(text.code)
