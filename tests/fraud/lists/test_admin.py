"""Lists in the admin site: who reaches which page, and that no page gives a hidden value back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext, override
from redis.exceptions import ConnectionError as RedisDown

from apps.compliance.models import Tenant, User
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.services.lists import list_entry_remove
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.fraud.lists.conftest import ListMaker
from tests.fraud.lists.test_services import NOW, add

SECRET = "zenobie.quatrebarbes@courriel.example"
LIST = {
    "code": "stolen_cards", "kind": "card", "name_fr": "Cartes volées", "name_en": "Stolen cards", "effect": "deny",
    "description": "",
}  # fmt: skip


def client_of(person: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.cookies["django_language"] = language
    client.force_login(person)
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:fraud_{name}", args=args)


@pytest.fixture
def emails(make_list: ListMaker) -> FraudList:
    return make_list("email", code="angry_buyers")


@pytest.fixture
def entry(emails: FraudList, lead: User) -> ListEntry:
    return add(emails, SECRET, lead)


def entry_data(fraud_list: FraudList, **fields: Any) -> dict[str, Any]:
    return {"list": fraud_list.pk, "value": SECRET, "reason": "Refused twice", "expires_at": "", **fields}


def upload(text: str | bytes) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("list.csv", text if isinstance(text, bytes) else text.encode())}


# --- who ------------------------------------------------------------------------------------------------------------
PAGES = {
    "administrator": "vwamie", "lead": "vwamie", "analyst": "vwa", "read_only": "vw", "compliance_officer": "vw",
    "developer": "",
}  # fmt: skip


@pytest.mark.parametrize("role", PAGES)
def test_each_role_reaches_its_pages_and_no_other(role: str, entry: ListEntry, tenant: Tenant, lead: User) -> None:
    client = client_of(lead if role == "lead" else make_person(tenant, role))
    urls = {
        "v": [page("fraudlist_changelist"), page("fraudlist_change", entry.list_id)],
        "w": [page("listentry_changelist"), page("listentry_change", entry.pk)],
        "a": [page("listentry_add")],
        "m": [page("fraudlist_add"), page("listentry_remove", entry.pk)],
        "i": [page("fraudlist_import", entry.list_id)],
        "e": [page("fraudlist_edit", entry.list_id)],
    }
    for letter, some in urls.items():
        for url in some:
            assert client.get(url).status_code == (200 if letter in PAGES[role] else 403), url
    assert client.post(page("listentry_find"), {"q": SECRET}).status_code == (302 if PAGES[role] else 403)
    assert client.get(page("fraudlist_delete", entry.list_id)).status_code == 403
    assert client.get(page("listentry_delete", entry.pk)).status_code == 403


def test_the_outsider_finds_and_changes_nothing_of_this_tenant(
    entry: ListEntry, emails: FraudList, outsider: User, tenant: Tenant
) -> None:
    client = client_of(outsider)
    for name, pk in (("fraudlist", emails.pk), ("listentry", entry.pk)):
        for suffix in ("change", "history"):
            answer = client.get(page(f"{name}_{suffix}", pk))
            assert answer.status_code in {302, 403}, (name, suffix)
            assert "angry_buyers" not in answer.content.decode()
        assert "angry_buyers" not in client.get(page(f"{name}_changelist")).content.decode()
    for url, data in (
        (page("fraudlist_edit", emails.pk), {**LIST, "effect": "allow"}),
        (page("fraudlist_import", emails.pk), upload("value,reason\na@b.example,why\n")),
        (page("listentry_remove", entry.pk), {}),
    ):
        for answer in (client.get(url), client.post(url, data)):
            assert answer.status_code in {302, 403}, url
            assert "angry_buyers" not in answer.content.decode()
    answer = client.post(page("listentry_add"), entry_data(emails, value="x@courriel.example"))
    assert answer.status_code == 200, "the other tenant's list is no choice"
    found = client.post(page("listentry_find"), {"q": SECRET})
    assert found["location"].endswith("?q=id%3A")
    with tenant_scope(tenant.pk):
        assert ListEntry.objects.get().removed_at is None
        assert FraudList.objects.get().effect == "deny"


def test_a_stranger_is_sent_to_sign_in_and_a_partner_refused(entry: ListEntry, tenant: Tenant) -> None:
    partner = client_of(make_person(tenant, "partner"))
    for url in (
        page("fraudlist_changelist"),
        page("fraudlist_import", entry.list_id),
        page("fraudlist_edit", entry.list_id),
        page("listentry_add"),
        page("listentry_remove", entry.pk),
    ):
        assert "/login/" in Client().get(url)["location"]
        assert partner.get(url).status_code == 403


# --- lists ----------------------------------------------------------------------------------------------------------
def test_a_lead_makes_a_list_and_changes_it(lead: User, in_tenant: Tenant) -> None:
    client = client_of(lead)
    answer = client.post(page("fraudlist_add"), LIST)
    made = FraudList.objects.get()
    assert answer["location"] == page("fraudlist_change", made.pk)
    answer = client.post(page("fraudlist_edit", made.pk), {**LIST, "effect": "allow", "overrides_deny": "on"})
    assert answer["location"] == page("fraudlist_change", made.pk)
    made.refresh_from_db()
    assert (made.effect, made.overrides_deny) == ("allow", True)
    assert "Stolen cards" in client.get(page("fraudlist_changelist")).content.decode()
    assert "Cartes volées" in client_of(lead, "fr").get(page("fraudlist_changelist")).content.decode()


@pytest.mark.parametrize("wrong", [{"code": "Stolen Cards"}, {"overrides_deny": "on"}, {"kind": "phone"}])
def test_a_list_that_makes_no_sense_is_told_above_its_form(
    wrong: dict[str, str], lead: User, in_tenant: Tenant
) -> None:
    answer = client_of(lead).post(page("fraudlist_add"), {**LIST, **wrong})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not FraudList.objects.exists()


def test_the_lists_count_the_entries_that_nobody_removed(emails: FraudList, entry: ListEntry, lead: User) -> None:
    gone = add(emails, "gone@courriel.example", lead)
    client = client_of(lead)
    client.post(page("listentry_remove", gone.pk))
    assert client.get(page("fraudlist_changelist")).context["cl"].result_list[0].entries_now == 1
    shown = client.get(page("fraudlist_change", emails.pk)).content.decode()
    assert shown.count("•••@courriel.example") == 1


# --- entries --------------------------------------------------------------------------------------------------------
def test_a_typed_value_is_kept_hashed_and_shown_nowhere(emails: FraudList, analyst: User) -> None:
    client = client_of(analyst)
    assert f'value="{emails.pk}" selected' in client.get(f"{page('listentry_add')}?list={emails.pk}").content.decode()
    answer = client.post(page("listentry_add"), entry_data(emails, expires_at="2100-01-31T18:00"), follow=True)
    entry = ListEntry.objects.get()
    assert entry.added_by == analyst
    assert f"{entry.expires_at:%Y-%m-%d %H:%M %Z}" == "2100-01-31 18:00 UTC"
    places = (
        page("listentry_changelist"), page("listentry_change", entry.pk), page("fraudlist_change", emails.pk),
        f"{page('listentry_changelist')}?list={emails.pk}&kind=email&state=live",
    )  # fmt: skip
    for html in (answer.content.decode(), *(client.get(url).content.decode() for url in places)):
        assert "•••@courriel.example" in html
        assert "zenobie" not in html.lower()


@pytest.mark.parametrize(
    "wrong", [{"value": "zenobie.quatrebarbes"}, {"reason": ""}, {"expires_at": "2020-01-01T00:00"}, {"list": ""}]
)
def test_a_refused_value_is_not_sent_back(wrong: dict[str, str], emails: FraudList, analyst: User) -> None:
    answer = client_of(analyst).post(page("listentry_add"), entry_data(emails, **wrong))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "errorlist" in html
    assert "zenobie" not in html
    assert "no-store" in answer["cache-control"]
    assert not ListEntry.objects.exists()


def test_entries_are_filtered_by_their_state(emails: FraudList, lead: User, in_tenant: Tenant) -> None:
    names = ("live", "expired", "removed")
    entries = {name: add(emails, f"{name}@courriel.example", lead) for name in names}
    long_ago = NOW - timedelta(days=900)
    ListEntry.objects.filter(pk=entries["expired"].pk).update(added_at=long_ago, expires_at=long_ago + timedelta(1))
    list_entry_remove(entry=entries["removed"], actor=lead, now=NOW)
    client = client_of(lead)
    for name in names:
        rows = client.get(page("listentry_changelist"), {"state": name}).context["cl"].result_list
        assert [row.pk for row in rows] == [entries[name].pk]


def test_a_refusal_speaks_the_readers_language(emails: FraudList, analyst: User) -> None:
    data = entry_data(emails, value="nobody")
    sentence = "This is not an e-mail address. Write it like name@example.org."
    assert sentence in client_of(analyst).post(page("listentry_add"), data).content.decode()
    with override("fr"):
        french = gettext(sentence)
    assert escape(french) in client_of(analyst, "fr").post(page("listentry_add"), data).content.decode()


def test_an_analyst_is_not_offered_lists_that_silence_a_hard_deny(make_list: ListMaker, analyst: User) -> None:
    friends = make_list("customer", code="friends", effect="allow", overrides_deny=True)
    client = client_of(analyst)
    assert "friends" not in client.get(page("listentry_add")).content.decode()
    assert client.post(page("listentry_add"), entry_data(friends, value="C1")).status_code == 200
    assert "Add an entry" not in client.get(page("fraudlist_change", friends.pk)).content.decode()
    assert not ListEntry.objects.exists()


def test_an_entry_is_taken_off_once_and_stays_in_the_history(entry: ListEntry, lead: User) -> None:
    client, url = client_of(lead), page("listentry_remove", entry.pk)
    assert client.post(url)["location"] == page("listentry_change", entry.pk)
    entry.refresh_from_db()
    removed = entry.removed_at
    assert removed is not None
    client.post(url)
    entry.refresh_from_db()
    assert entry.removed_at == removed
    html = client.get(page("listentry_change", entry.pk)).content.decode()
    assert "Removed" in html
    assert url not in html


def test_an_entry_is_found_by_its_clear_value_which_no_address_holds(entry: ListEntry, lead: User) -> None:
    client = client_of(lead)
    answer = client.post(page("listentry_find"), {"q": f" {SECRET.upper()} "})
    assert answer["location"] == f"{page('listentry_changelist')}?q=id%3A{entry.pk}"
    assert page("listentry_change", entry.pk) in client.get(answer["location"]).content.decode()
    nothing = client.post(page("listentry_find"), {"q": "other@courriel.example"}, follow=True).content.decode()
    assert "This value stands on no list." in nothing
    assert page("listentry_change", entry.pk) not in nothing


@pytest.mark.parametrize("query", ["?q=id:x,%00,9999999999999999999", "?q=%00", "?list=abc", "?q=FR", "?state=7"])
def test_odd_questions_get_an_ordinary_page(query: str, entry: ListEntry, lead: User) -> None:
    assert client_of(lead).get(page("listentry_changelist") + query, follow=True).status_code == 200


@pytest.mark.parametrize("pk", ["0", "abc", "9" * 30, "_5F"])
def test_what_does_not_exist_leads_back(pk: str, lead: User, in_tenant: Tenant) -> None:
    client = client_of(lead)
    for name in ("fraudlist_edit", "fraudlist_import", "listentry_remove", "fraudlist_change", "listentry_change"):
        assert client.get(page(name, pk)).status_code == 302, name


# --- files ----------------------------------------------------------------------------------------------------------
CSV = f"value,reason\n{SECRET},Refused twice\nnobody,Why\n"


def test_a_file_is_shown_as_what_it_would_do_then_imported_once(emails: FraudList, lead: User) -> None:
    client, url = client_of(lead), page("fraudlist_import", emails.pk)
    preview = client.post(url, upload(CSV))
    html = preview.content.decode()
    assert "New: 1." in html
    assert "Invalid, left out: 1." in html
    assert "This is not an e-mail address." in html
    assert "zenobie" not in html
    assert not ListEntry.objects.exists()
    token = preview.context["token"]
    assert client.post(url, {"token": token})["location"] == page("fraudlist_change", emails.pk)
    assert ListEntry.objects.get().reason == "Refused twice"
    again = client.post(url, {"token": token})
    assert again.status_code == 200
    assert "expired or was used already" in again.content.decode()


def test_a_preview_is_its_readers_own(emails: FraudList, lead: User, tenant: Tenant, make_list: ListMaker) -> None:
    url = page("fraudlist_import", emails.pk)
    token = client_of(lead).post(url, upload(CSV)).context["token"]
    colleague, other_list = client_of(make_person(tenant, "administrator")), make_list("email", code="others")
    for client, where in ((colleague, url), (client_of(lead), page("fraudlist_import", other_list.pk))):
        assert "expired or was used already" in client.post(where, {"token": token}).content.decode()
    for odd in ("", " ", "\0", "é", "a b", "x" * 5000):
        assert client_of(lead).post(url, {"token": odd}).status_code == 200
    assert not ListEntry.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        ("value,reason\nné,é\n".encode("latin-1"), "not UTF-8"),
        ("value,reason\nFR,why\n".encode("utf-16"), "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "not UTF-8"),
        (b"FR,BE\n", "must name the columns"),
        (b"value,reason\n" + b"x" * 20_000_001, "20 MB"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(
    content: bytes, said: str, emails: FraudList, lead: User
) -> None:
    answer = client_of(lead).post(page("fraudlist_import", emails.pk), upload(content))
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_markup_in_a_file_is_shown_as_text(make_list: ListMaker, lead: User) -> None:
    customers = make_list("customer")
    answer = client_of(lead).post(
        page("fraudlist_import", customers.pk), upload("value,reason\n<script>alert(1)</script>,why\n")
    )
    assert "&lt;script&gt;alert(1)" in answer.content.decode()
    assert "<script>alert(1)" not in answer.content.decode()


def test_without_redis_the_preview_says_that_it_cannot_wait(
    emails: FraudList, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_args: Any, **_options: Any) -> Any:
        raise RedisDown("refused")

    monkeypatch.setattr(type(cache._connections["default"]) if hasattr(cache, "_connections") else cache, "set", down)
    answer = client_of(lead).post(page("fraudlist_import", emails.pk), upload(CSV))
    assert "Redis does not answer" in answer.content.decode()
