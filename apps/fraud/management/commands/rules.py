"""Rules at the command line: reviewable text in and out, snapshots listed, compared and put in force."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from msgspec.structs import replace

from apps.compliance.audit import audit_actor
from apps.compliance.models import Tenant, User
from apps.fraud.engine.rule_text import rules_diff
from apps.fraud.engine.ruleset import snapshot_read
from apps.fraud.models import RuleSet
from apps.fraud.selectors.rules import ruleset_active, ruleset_numbered, ruleset_texts, texts_of
from apps.fraud.services.rule_files import (
    DEFAULT_SET,
    rules_export,
    rules_import,
    rules_read,
    ruleset_install,
    shipped_rules,
    shipped_sets,
)
from apps.fraud.services.rulesets import ruleset_activate
from kivendtout.lib.clock import now
from kivendtout.lib.errors import InvalidInput, KvtError, NotFound
from kivendtout.lib.tenancy import tenant_scope


class Command(BaseCommand):
    help = "Lists, installs, exports, imports, compares and publishes a tenant's rule sets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        common = ArgumentParser(add_help=False)
        common.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        common.add_argument("--json", action="store_true", help="one JSON object on standard output")
        actions = parser.add_subparsers(dest="action", required=True)

        def add(name: str, text: str) -> ArgumentParser:
            made: ArgumentParser = actions.add_parser(name, help=text, parents=[common])
            return made

        add("list", "rule sets, newest first, and which is in force")
        install = add("install", "install a shipped set and put it in force")
        install.add_argument("--set", default=DEFAULT_SET, choices=shipped_sets(), help="which one")
        export = add("export", "write rules as text")
        export.add_argument("--number", type=int, help="a rule set; else the one in force")
        export.add_argument("--out", default="-", help="folder, or - for standard output")
        bring = add("import", "make drafts of the rules in a folder")
        bring.add_argument("folder", type=Path)
        bring.add_argument("--author", required=True, help="e-mail address of who answers for the drafts")
        bring.add_argument("--activate", action="store_true", help="let them go live; needs --approver")
        bring.add_argument("--approver", help="e-mail address of the second person")
        bring.add_argument("--note", default="", help="why")
        diff = add("diff", "what differs between two rule sets")
        diff.add_argument("before", help="a number, a shipped set's name, or a folder")
        diff.add_argument("after", help="likewise")
        publish = add("publish", "put an earlier rule set in force again")
        publish.add_argument("number", type=int)
        publish.add_argument("--approver", required=True, help="e-mail address of who decides so")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = _tenant(options["tenant"])
            with tenant_scope(tenant.pk), audit_actor(tenant_id=tenant.pk):
                result, text = getattr(self, f"_{options['action']}")(tenant, options)
        except KvtError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(result, ensure_ascii=False) if options["json"] else text)

    def _list(self, _tenant: Tenant, _options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        active = ruleset_active()
        rows = [{**_described(one), "active": one == active} for one in RuleSet.objects.order_by("-number")]
        lines = [f"{'*' if row['active'] else ' '} #{row['number']:<5} {row['name']:22} {row['note']}" for row in rows]
        return {"rulesets": rows}, "\n".join(lines) or "No rule set yet: install one with `rules install`."

    def _install(self, tenant: Tenant, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        done = ruleset_install(tenant=tenant, name=options["set"], now=now())
        result = {**_described(done.ruleset), "changed": done.changed, "rules": done.rules, "retired": done.retired}
        state = "is in force" if done.changed else "was in force already"
        return result, f"{done.ruleset} {state}: {done.rules} rules."

    def _export(self, _tenant: Tenant, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        ruleset = _numbered(options["number"]) if options["number"] else ruleset_active()
        if ruleset is None:
            raise NotFound("This tenant has no rule set yet. Install one with `rules install`.")
        texts = ruleset_texts(ruleset=ruleset)
        if options["out"] == "-":
            return {**_described(ruleset), "files": texts}, "\n".join(f"# {n}.toml\n{t}" for n, t in texts.items())
        written = rules_export(texts=texts, folder=Path(options["out"]))
        return {**_described(ruleset), "written": written}, f"{len(written)} rules of {ruleset} in {options['out']}."

    def _import(self, tenant: Tenant, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if options["activate"] != bool(options["approver"]):
            raise InvalidInput("Letting rules go live needs both --activate and --approver. Give both, or neither.")
        author = _person(tenant, options["author"])
        approver = _person(tenant, options["approver"]) if options["approver"] else None
        texts = rules_read(folder=options["folder"])
        with audit_actor(actor=approver or author, tenant_id=tenant.pk):
            done = rules_import(texts=texts, author=author, approver=approver, now=now(), note=options["note"])
        result = {
            "drafted": done.drafted,
            "activated": done.activated,
            "unchanged": done.unchanged,
            "ruleset_number": done.ruleset.number if done.ruleset else None,
        }
        counts = f"{len(done.drafted)} drafted, {len(done.activated)} activated, {len(done.unchanged)} unchanged"
        return result, f"{counts}{f': {done.ruleset}' if done.ruleset else ''}."

    def _diff(self, _tenant: Tenant, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        before, after = _texts(options["before"]), _texts(options["after"])
        diff = rules_diff(before, after, (_label(options["before"]), _label(options["after"])))
        result = {
            "added": sorted(set(after) - set(before)),
            "removed": sorted(set(before) - set(after)),
            "changed": sorted(name for name in set(before) & set(after) if before[name] != after[name]),
            "diff": diff,
        }
        return result, diff or "No difference."

    def _publish(self, tenant: Tenant, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        approver = _person(tenant, options["approver"])
        with audit_actor(actor=approver, tenant_id=tenant.pk):
            ruleset = ruleset_activate(ruleset=_numbered(options["number"]), actor=approver, now=now())
        return _described(ruleset), f"{ruleset} is in force."


def _tenant(slug: str) -> Tenant:
    if (tenant := Tenant.objects.filter(slug=slug).first()) is None:
        raise NotFound(f"There is no tenant {slug!r}. Give another --tenant, or make the demo's with seed_demo.")
    return tenant


def _person(tenant: Tenant, email: str) -> User:
    person = User.objects.filter(tenant=tenant, email__iexact=email, is_active=True).first()
    if person is None:
        raise NotFound(f"Nobody of this tenant has the address {email}. Check it.")
    return person


def _numbered(number: int) -> RuleSet:
    if (ruleset := ruleset_numbered(number=number)) is None:
        raise NotFound(f"There is no rule set #{number}. `rules list` shows those there are.")
    return ruleset


def _texts(name: str) -> dict[str, str]:
    if name.lstrip("#").isdigit():
        return ruleset_texts(ruleset=_numbered(int(name.lstrip("#"))))
    # Examples belong to the shipped files only; a tenant's rules have none to compare with.
    texts = shipped_rules(name=name) if name in shipped_sets() else rules_read(folder=Path(name))
    return texts_of(replace(text, example=None) for text in texts)


def _label(name: str) -> str:
    return f"#{name.lstrip('#')}" if name.lstrip("#").isdigit() else name.rstrip("/")


def _described(ruleset: RuleSet) -> dict[str, Any]:
    return {
        "number": ruleset.number,
        "name": ruleset.name,
        "digest": ruleset.digest,
        "catalogue_version": ruleset.catalogue_version,
        "rules": len(snapshot_read(ruleset.content).rules),
        "note": ruleset.note,
    }
