"""Scorers at the command line: listed, tried, proposed, approved, taken back; out and in as files."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.compliance.audit import audit_actor
from apps.compliance.models import Tenant, User
from apps.fraud.management import scorers as told
from apps.fraud.management.periods import tenant_asked
from apps.fraud.models import Scorer, ScorerChange
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import point_of, point_told, scorer_active, scorer_numbered, scorers_all
from apps.fraud.services.scorer_compare import DAYS, scorer_compare
from apps.fraud.services.scorer_files import scorer_export, scorer_file_read
from apps.fraud.services.scorer_mlflow import scorers_sync
from apps.fraud.services.scorer_register import scorer_register
from apps.fraud.services.scorer_stages import (
    operating_set,
    scorer_approve,
    scorer_archive,
    scorer_go_back,
    scorer_propose,
    scorer_refuse,
    scorer_shadow,
    scorer_unshadow,
    scorer_withdraw,
    stand_down,
)
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError, NotFound
from kivendtout.lib.tenancy import tenant_scope

Result = tuple[dict[str, Any], str]
MOVES: dict[str, tuple[Any, str, str]] = {
    "shadow": (scorer_shadow, "put a scorer on trial: it scores live payments, nothing is decided by it", "on trial"),
    "unshadow": (scorer_unshadow, "take a scorer off trial", "a candidate"),
    "archive": (scorer_archive, "put a scorer out of the way", "archived"),
}
SETTLES: dict[str, tuple[Any, str, str]] = {
    "approve": (scorer_approve, "let a proposed scorer decide, as the second person", "decides"),
    "refuse": (scorer_refuse, "refuse a proposal", "stays as it was"),
    "withdraw": (scorer_withdraw, "withdraw one's own proposal", "stays as it was"),
}
BACK: dict[str, tuple[Any, str]] = {
    "go-back": (scorer_go_back, "return to what decided before the latest change"),
    "stand-down": (stand_down, "let the rules decide alone"),
}
POINT = ("challenge", "deny", "weight", "alone_deny")


class Command(BaseCommand):
    help = "Lists scorers, puts them on trial, proposes and approves them, goes back, compares, exports and imports."

    def add_arguments(self, parser: ArgumentParser) -> None:
        common = ArgumentParser(add_help=False)
        common.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        common.add_argument("--json", action="store_true", help="one JSON object on standard output")
        person = ArgumentParser(add_help=False)
        person.add_argument("--as", dest="person", required=True, metavar="EMAIL", help="who answers for it")
        person.add_argument("--note", default="", help="why")
        point = ArgumentParser(add_help=False)
        for name in POINT:
            point.add_argument(f"--{name.replace('_', '-')}", type=float, help="as it is otherwise")
        actions = parser.add_subparsers(dest="action", required=True)

        def add(name: str, text: str, *parents: ArgumentParser) -> ArgumentParser:
            made: ArgumentParser = actions.add_parser(name, help=text, parents=[common, *parents])
            return made

        add("list", "scorers, newest first; * decides")
        add("show", "one scorer").add_argument("number", type=int)
        for name, (_run, text, _done) in MOVES.items():
            add(name, text, person).add_argument("number", type=int)
        add("propose", "propose a scorer for production", person, point).add_argument("number", type=int)
        for name, (_run, text, _done) in SETTLES.items():
            add(name, text, person).add_argument("change", type=int)
        for name, (_run, text) in BACK.items():
            add(name, text, person)
        add("thresholds", "move the thresholds of the one that decides, within bounds", person, point)
        compare = add("compare", "scorers on trial beside what decides, on the same payments")
        compare.add_argument("--days", type=int, default=DAYS, help="how far back")
        add("sync", "tell MLflow what it does not know")
        out = add("export", "write a scorer as one file")
        out.add_argument("number", type=int)
        out.add_argument("--out", type=Path, required=True)
        add("import", "register a scorer from a file", person).add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_asked(options)
        try:
            with tenant_scope(tenant.pk):
                person = _person(tenant, options["person"]) if "person" in options else None
                with audit_actor(actor=person, tenant_id=tenant.pk):
                    result, text = self._act(tenant, person, options)
                if person is not None:
                    scorers_sync(tenant_id=tenant.pk)  # never raises; nothing to do where no registry is wanted
        except KvtError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        self.stdout.write(json.dumps(result, ensure_ascii=False) if options["json"] else text)

    def _act(self, tenant: Tenant, person: User | None, options: dict[str, Any]) -> Result:
        action = options["action"]
        if action in MOVES:
            return _moved(options, person)
        if action in SETTLES:
            return _settled(options, person)
        if action in BACK:
            return _back(tenant, options, person)
        made: Result = getattr(self, f"_{action}")(tenant, person, options)
        return made

    def _list(self, _tenant: Tenant, _person: User | None, _options: dict[str, Any]) -> Result:
        found = list(scorers_all())
        active = scorer_active()
        return {
            "scorers": [told.described(one) for one in found],
            "decides": active.scorer.number if active and active.scorer else None,
        }, told.listed(found)

    def _show(self, _tenant: Tenant, _person: User | None, options: dict[str, Any]) -> Result:
        scorer = _numbered(options["number"])
        card = {"report": scorer.report, "parameters": scorer.parameters, "baseline": scorer.baseline}
        return {**told.described(scorer), **card}, told.shown(scorer)

    def _propose(self, _tenant: Tenant, person: Any, options: dict[str, Any]) -> Result:
        scorer = _numbered(options["number"])
        change = scorer_propose(
            scorer=scorer, operating=_point(point_of(scorer.operating), options), actor=person, now=now(),
            note=options["note"],
        )  # fmt: skip
        text = f"Proposed as change {change.pk}. A second person approves it: `scorers approve {change.pk} --as EMAIL`."
        return told.change_described(change), f"{told.statement(change.statement)}\n{text}"

    def _thresholds(self, tenant: Tenant, person: Any, options: dict[str, Any]) -> Result:
        active = scorer_active()
        point = Operating(**{name: getattr(active, name, 0.5) for name in POINT})
        change = operating_set(
            tenant=tenant, operating=_point(point, options), actor=person, now=now(), note=options["note"]
        )
        values = ", ".join(f"{name} {value:g}" for name, value in point_told(point_of(change.after)).items())
        return told.change_described(change), f"In force: {values}."

    def _compare(self, _tenant: Tenant, _person: User | None, options: dict[str, Any]) -> Result:
        active = scorer_active()
        champion = active.scorer if active else None
        trials = [one for one in scorers_all() if one.stage == Scorer.Stage.SHADOW]
        found = [scorer_compare(challenger=one, champion=champion, now=now(), days=options["days"]) for one in trials]
        text = "\n\n".join(told.compared(one) for one in found)
        return {"comparisons": msgspec.to_builtins(found)}, text or "No scorer is on trial: `scorers shadow NUMBER`."

    def _sync(self, tenant: Tenant, _person: User | None, _options: dict[str, Any]) -> Result:
        done = scorers_sync(tenant_id=tenant.pk, again=True)
        if done.problem:
            raise CommandError(f"MLflow was not told: {done.problem}. Scorers decide without it; try again later.")
        result = {"registered": list(done.registered), "stages": done.stages}
        return result, f"{len(done.registered)} registered; stages told." if done.stages else "Nothing to tell."

    def _export(self, _tenant: Tenant, _person: User | None, options: dict[str, Any]) -> Result:
        scorer, path = _numbered(options["number"]), options["out"]
        content = scorer_export(scorer=scorer)
        path.write_bytes(content)
        result = {"number": scorer.number, "file": str(path), "bytes": len(content)}
        return result, f"Scorer {scorer} in {path}: {len(content):,} bytes."

    def _import(self, tenant: Tenant, person: User | None, options: dict[str, Any]) -> Result:
        trained, note = scorer_file_read(options["file"].read_bytes())
        scorer = scorer_register(
            tenant_id=tenant.pk, trained=trained, actor=person, now=now(), note=options["note"] or note
        )
        return told.described(scorer), f"Registered as {scorer}, a candidate."


def _moved(options: dict[str, Any], person: User | None) -> Result:
    run, _text, done = MOVES[options["action"]]
    scorer = run(scorer=_numbered(options["number"]), actor=person, now=now())
    return told.described(scorer), f"Scorer {scorer} is {done}."


def _settled(options: dict[str, Any], person: User | None) -> Result:
    run, _text, done = SETTLES[options["action"]]
    change = ScorerChange.objects.filter(pk=options["change"]).first()
    if change is None:
        raise NotFound(f"There is no change {options['change']}. `scorers propose` tells its number.")
    change = run(change=change, actor=person, now=now())
    return told.change_described(change), f"Scorer {change.scorer} {done}."


def _back(tenant: Tenant, options: dict[str, Any], person: User | None) -> Result:
    run, _text = BACK[options["action"]]
    change = run(tenant=tenant, actor=person, now=now(), note=options["note"])
    number = change.after["scorer"]
    return told.change_described(change), f"{f'Scorer #{number} decides' if number else 'The rules decide alone'} now."


def _point(point: Operating, options: dict[str, Any]) -> Operating:
    asked = {name: options[name] for name in POINT if options[name] is not None}
    changed: Operating = msgspec.structs.replace(point, **asked)
    return changed


def _person(tenant: Tenant, email: str) -> User:
    person = User.objects.filter(tenant=tenant, email__iexact=email, is_active=True).first()
    if person is None:
        raise NotFound(f"Nobody of this tenant has the address {email}. Check it.")
    return person


def _numbered(number: int) -> Scorer:
    if (scorer := scorer_numbered(number=number)) is None:
        raise NotFound(f"There is no scorer #{number}. `scorers list` shows those there are.")
    return scorer
