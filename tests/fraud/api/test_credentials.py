"""Who gets in: keys known, open and with the scope; who does not, and what they are told."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.test import Client

from apps.compliance import api_auth
from apps.compliance.api_auth import key_memory
from apps.compliance.models import ApiKey
from apps.compliance.services.api_keys import api_key_create, api_key_revoke
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESSES = [
    ("post", "/api/v1/score"),
    ("post", "/api/v1/score/batch"),
    ("post", "/api/v1/fraud-alerts/check"),
    ("get", "/api/v1/decisions/dec_1"),
    ("post", "/api/v1/labels"),
]


def ask(client: Client, method: str, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return getattr(client, method)(path, content_type="application/json", headers=named)


def get_key(shop: Shop) -> ApiKey:
    with tenant_scope(shop.tenant.pk):
        return ApiKey.objects.get(sandbox=False)


def test_a_stranger_is_asked_for_a_key(shop: Shop, client: Client) -> None:
    unknown = "Bearer kvt_live_AAAAAAAA_" + "a" * 43
    for method, path in ADDRESSES:
        for authorization in ("", "Bearer", "Bearer x", "Basic eDp5", unknown, "Bearer " + "é" * 10, "Bearer a b"):
            answer = ask(client, method, path, authorization=authorization)
            assert answer.status_code == 401, (path, authorization)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["detail"].endswith(".")


def test_a_session_opens_nothing_here(client: Client, analyst: Any) -> None:
    client.force_login(analyst)
    for method, path in ADDRESSES:
        assert ask(client, method, path).status_code == 401, path


def test_either_header_carries_the_key(shop: Shop, client: Client) -> None:
    for headers in (
        {"authorization": f"Bearer {shop.key}"},
        {"authorization": f"bearer {shop.key}"},
        {"x_api_key": shop.key},
    ):
        assert ask(client, "get", "/api/v1/decisions/dec_1", **headers).status_code == 404


def test_the_right_prefix_with_a_wrong_secret_is_refused(shop: Shop, client: Client) -> None:
    wrong = shop.key[:-1] + ("a" if shop.key[-1] != "a" else "b")
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key).status_code == 404
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=wrong).status_code == 401


def test_a_key_without_the_scope_is_told_which_one_it_lacks(shop: Shop, client: Client) -> None:
    _made, key = api_key_create(tenant_id=shop.tenant.pk, name="Reader", now=now(), scopes=["decisions:read"])
    answer = ask(client, "post", "/api/v1/score", x_api_key=key)
    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_missing"
    assert "'score'" in answer.json()["detail"]
    _made, key = api_key_create(tenant_id=shop.tenant.pk, name="Till", now=now(), scopes=["score"])
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=key).status_code == 403


def test_a_revoked_key_is_remembered_for_a_second_at_most(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key).status_code == 404
    api_key_revoke(key=get_key(shop), now=now())
    later = api_auth.monotonic() + 1.0
    monkeypatch.setattr(api_auth, "monotonic", lambda: later)
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key).status_code == 401


def test_an_expired_key_is_refused_even_while_it_is_remembered(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = now() + timedelta(hours=1)
    _made, key = api_key_create(tenant_id=shop.tenant.pk, name="Trial", now=now(), expires_at=end)
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=key).status_code == 404
    monkeypatch.setattr(api_auth.clock, "now", lambda: end)
    assert ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=key).status_code == 401


def test_its_use_is_noted_once_a_minute(shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_auth, "FRESH_SECONDS", 0.0)  # look it up at each request
    ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key)
    noted = get_key(shop).last_used_at
    assert noted is not None
    ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key)
    assert get_key(shop).last_used_at == noted
    monkeypatch.setattr(api_auth.clock, "now", lambda: noted + timedelta(seconds=60))
    ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key)
    assert get_key(shop).last_used_at == noted + timedelta(seconds=60)


def test_the_key_is_neither_stored_nor_logged(shop: Shop, post: Post) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        post(shop, shop.payment())
        post(shop, b"{")
        post(shop, {}, authorization=f"Bearer {shop.key[:-1]}")
    secret = shop.key.rpartition("_")[2]
    assert secret[:-1] not in said.getvalue()
    assert secret not in json.dumps([str(value) for value in vars(get_key(shop)).values()])
    assert secret not in repr(key_memory.kept)


def test_a_database_that_does_not_answer_is_told_as_503(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_args: object) -> None:
        released.wait(5)

    released = Event()
    monkeypatch.setattr(api_auth, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(api_auth, "_read", hang)
    answer = ask(client, "get", "/api/v1/decisions/dec_1", x_api_key=shop.key)
    released.set()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
