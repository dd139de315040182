"""Each way that Django writes and reads: right, or refused with a sentence."""

from __future__ import annotations

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Concat, Lower, Upper
from django.db.models.sql import UpdateQuery
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext

from kivendtout.lib.crypto.errors import UnsafeUse
from kivendtout.lib.crypto.localring import LocalKeyRing
from tests.crypto.app.models import Badge, Person

pytestmark = pytest.mark.usefixtures("tables")
BIRTH = datetime.date(1990, 2, 28)


def ada() -> Person:
    return Person.objects.create(name="Ada Lovelace", email="Ada@Example.org", birth_date=BIRTH)


def found(email: str) -> list[str]:
    return list(Person.objects.filter(email_index__matches=email).order_by("id").values_list("email", flat=True))


def stored(column: str = "name", table: str = "crypto_tests_person") -> list[bytes | None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")
        return [row[0] and bytes(row[0]) for row in cursor.fetchall()]


# --- reading ----------------------------------------------------------------------------------------------------------
def test_it_gives_back_what_was_saved() -> None:
    person = Person.objects.get(pk=ada().pk)
    assert (person.name, person.email, person.birth_date) == ("Ada Lovelace", "Ada@Example.org", BIRTH)
    assert type(person.birth_date) is datetime.date


def test_it_stores_a_key_id_and_no_plaintext(tables: LocalKeyRing) -> None:
    ada()
    key = tables.state().active("crypto_tests_person")
    (value,) = stored()
    assert value is not None and value[:5] == bytes.fromhex("01" + key.id) and b"Ada" not in value


def test_it_encrypts_the_same_value_differently_each_time() -> None:
    ada(), ada()
    assert len(set(stored())) == 2 and len(set(stored("email_index"))) == 1


def test_it_uses_one_key_for_each_table(tables: LocalKeyRing) -> None:
    Badge.objects.create(person=ada(), number="1", phone="+33 6 12")
    state = tables.state()
    assert state.active("crypto_tests_person").id != state.active("crypto_tests_badge").id
    assert stored("phone", "crypto_tests_badge")[0][1:5].hex() == state.active("crypto_tests_badge").id  # type: ignore[index]


def test_it_keeps_null_and_empty_apart() -> None:
    null, empty = Person.objects.create(name=None), Person.objects.create(name="", email="")
    assert (Person.objects.get(pk=null.pk).name, Person.objects.get(pk=empty.pk).name) == (None, "")
    assert Person.objects.get(name__isnull=True) == null and Person.objects.get(name=None) == null
    assert Person.objects.get(name__isnull=False) == empty and Person.objects.exclude(name=None).get() == empty
    assert stored("email_index") == [None, None]


@pytest.mark.parametrize("text", ["é" * 5000, "日本 🙂", "a\nb\tc", "'; DROP TABLE x; --", "%s %% {}", "\\x41", " "])
def test_it_takes_any_text(text: str) -> None:
    assert Person.objects.get(pk=Person.objects.create(name=text).pk).name == text


def test_it_reads_through_values_only_defer_and_refresh() -> None:
    person = ada()
    assert Person.objects.values("name", "birth_date").get() == {"name": "Ada Lovelace", "birth_date": BIRTH}
    assert Person.objects.values_list("email", flat=True).get() == "Ada@Example.org"
    assert Person.objects.only("name").get().email == "Ada@Example.org"
    assert Person.objects.defer("name").get().name == "Ada Lovelace"
    Person.objects.update(name="Countess")
    person.refresh_from_db(fields=["name"])
    assert person.name == "Countess"


def test_it_reads_through_joins() -> None:
    Badge.objects.create(person=ada(), number="1", phone="0612")
    badge = Badge.objects.select_related("person").get()
    assert (badge.person.name, badge.phone) == ("Ada Lovelace", "0612")
    assert Badge.objects.values_list("person__email", "person__birth_date").get() == ("Ada@Example.org", BIRTH)
    assert Badge.objects.filter(person__email_index__matches="ada@example.org").count() == 1
    assert Person.objects.prefetch_related("badges").get().badges.all()[0].phone == "0612"
    assert Badge.objects.filter(person__name__isnull=True).count() == 0


def test_it_reads_through_iterator_union_and_subquery() -> None:
    person = ada()
    assert [p.name for p in Person.objects.iterator(chunk_size=1)] == ["Ada Lovelace"]
    everyone = Person.objects.filter(pk=person.pk)
    assert everyone.values("name").union(everyone.values("name")).get()["name"] == "Ada Lovelace"
    inner = Person.objects.filter(pk=OuterRef("person_id")).values("name")[:1]
    Badge.objects.create(person=person, number="1", phone="0612")
    assert Badge.objects.annotate(holder=Subquery(inner)).get().holder == "Ada Lovelace"  # type: ignore[attr-defined]


def test_it_reads_through_expressions() -> None:
    ada()
    row = Person.objects.annotate(
        up=Upper("name"),
        both=Concat("name", Value(" of "), "city", output_field=TextField()),
        same=F("birth_date"),
        low=Lower("email"),
    ).values("up", "both", "same", "low")
    assert row.get() == {
        "up": "ADA LOVELACE", "both": "Ada Lovelace of Lyon", "same": BIRTH, "low": "ada@example.org",
    }  # fmt: skip


def test_it_aggregates_and_orders_by_the_value_itself() -> None:
    for name in ("b", "a", "a"):
        Person.objects.create(name=name, birth_date=BIRTH)
    assert list(Person.objects.values_list("name").annotate(n=Count("id")).order_by("name")) == [("a", 2), ("b", 1)]
    assert list(Person.objects.order_by("-name").values_list("name", flat=True)) == ["b", "a", "a"]
    assert Person.objects.values("name").distinct().count() == 2
    assert Person.objects.aggregate(last=Max("birth_date"))["last"] == BIRTH
    assert Person.objects.annotate(n=Count("badges")).first().name == "b"  # type: ignore[union-attr]


def test_it_reads_raw_sql_that_decrypts_and_refuses_raw_sql_that_does_not() -> None:
    ada()
    sql = "SELECT id, kvt_decrypt(name) AS name, kvt_decrypt(birth_date) AS birth_date FROM crypto_tests_person"
    (person,) = Person.objects.raw(sql)
    assert (person.name, person.birth_date, person.email) == ("Ada Lovelace", BIRTH, "Ada@Example.org")
    with pytest.raises(UnsafeUse, match=r"Write kvt_decrypt\(name\) AS name"):
        list(Person.objects.raw("SELECT id, name FROM crypto_tests_person"))


# --- searching --------------------------------------------------------------------------------------------------------
def test_it_finds_by_the_blind_index_whatever_the_case() -> None:
    person = ada()
    Person.objects.create(email="other@example.org")
    assert Person.objects.get(email_index__matches=" ADA@example.ORG ") == person
    assert Person.objects.get(**Person._meta.get_field("email_index").lookup("ada@example.org")) == person
    assert Person.objects.filter(email_index__matches_any=["ada@example.org", "other@example.org"]).count() == 2
    assert Person.objects.exclude(email_index__matches="ada@example.org").count() == 1
    assert Person.objects.get(Q(email_index__matches="ada@example.org") & Q(city="Lyon")) == person
    assert Person.objects.get(birth_index__matches=BIRTH) == Person.objects.get(birth_index__matches="1990-02-28")


@pytest.mark.parametrize(
    "lookup", ["exact", "iexact", "contains", "icontains", "startswith", "in", "gt", "lt", "range", "regex"]
)
def test_it_refuses_every_other_lookup_and_names_the_blind_index(lookup: str) -> None:
    value = ["x", "y"] if lookup in {"in", "range"} else "x"
    with pytest.raises(UnsafeUse, match="email_index__matches"):
        Person.objects.filter(**{f"email__{lookup}": value})
    with pytest.raises(UnsafeUse, match="give it a BlindIndexField"):
        Person.objects.filter(**{f"name__{lookup}": value})


def test_it_refuses_parts_of_a_date_and_texts_for_a_hash() -> None:
    for wrong in ({"birth_date__year": 1990}, {"email_index": "ada@example.org"}, {"email_index__gt": b"x"}):
        with pytest.raises(UnsafeUse):
            list(Person.objects.filter(**wrong))
    for empty in ("", None):
        with pytest.raises((UnsafeUse, ValueError)):
            list(Person.objects.filter(email_index__matches=empty))
    with pytest.raises(UnsafeUse):
        Person.objects.get_or_create(email="a@b.c")


# --- writing ----------------------------------------------------------------------------------------------------------
def test_it_saves_part_of_a_row_with_its_index() -> None:
    person = ada()
    person.email, person.name = "new@example.org", "not saved"
    person.save(update_fields=["email"])
    assert found("new@example.org") == ["new@example.org"] and found("ada@example.org") == []
    assert Person.objects.get().name == "Ada Lovelace"
    part = Person.objects.only("city").get()
    part.city = "Paris"
    part.save()
    assert found("new@example.org") == ["new@example.org"]
    part.email = "part@example.org"
    part.save()
    assert found("part@example.org") == ["part@example.org"]


def test_it_updates_with_values_and_keeps_the_index() -> None:
    ada()
    assert Person.objects.update(name="Grace", email="g@example.org", birth_date=datetime.date(1906, 12, 9)) == 1
    person = Person.objects.get(email_index__matches="G@EXAMPLE.org")
    assert (person.name, person.birth_date) == ("Grace", datetime.date(1906, 12, 9))
    Person.objects.update(email=None)
    assert stored("email_index") == [None] and stored("email") == [None]
    Person.objects.update(birth_date="2000-01-02")
    assert Person.objects.get(birth_index__matches="2000-01-02").birth_date == datetime.date(2000, 1, 2)


def test_it_updates_with_expressions() -> None:
    person = ada()
    Person.objects.update(name=Value("Grace"))
    assert Person.objects.get().name == "Grace"
    Person.objects.update(name=F("city"))
    assert Person.objects.get().name == "Lyon"
    Person.objects.update(name=Upper("name"))
    assert Person.objects.get().name == "LYON"
    Person.objects.update(name=F("email"))
    assert Person.objects.get().name == "Ada@Example.org"
    choice = Case(When(pk=person.pk, then=Value("case")), default=F("name"), output_field=TextField())
    Person.objects.update(name=choice)
    assert Person.objects.get().name == "case"
    Person.objects.update(name=Subquery(Person.objects.values("email")[:1]))
    assert Person.objects.get().name == "Ada@Example.org"
    Person.objects.update(name=Value(None))
    assert Person.objects.get().name is None


def test_it_updates_an_indexed_value_by_choice_but_not_by_computation() -> None:
    person = ada()
    Person.objects.update(email=Value("v@example.org"))
    assert found("v@example.org") == ["v@example.org"]
    Person.objects.update(email=Case(When(pk=person.pk, then=Value("c@example.org")), default=Value(None)))
    assert found("c@example.org") == ["c@example.org"]
    for computed in (F("name"), Lower("email"), Concat("email", Value("x"), output_field=TextField())):
        with pytest.raises(UnsafeUse, match="Update email with plain values"):
            Person.objects.update(email=computed)
    with pytest.raises(UnsafeUse, match="follows email by itself"):
        Person.objects.update(email="a@example.org", email_index=b"\0\1" + b"x" * 16)


def test_it_creates_with_expressions() -> None:
    person = Person.objects.create(name=Value("Ada"), email=Value("a@example.org"), birth_date=None)
    person.refresh_from_db()
    assert (person.name, found("A@example.org")) == ("Ada", ["a@example.org"])
    Person.objects.create(name=Lower(Value("LOUD")))
    assert Person.objects.filter(name__isnull=False).order_by("-id")[0].name == "loud"
    with pytest.raises(UnsafeUse, match="plain values"):
        Person.objects.create(email=Lower(Value("A@example.org")))


def test_it_creates_in_bulk() -> None:
    people = [Person(name=f"n{i}", email=f"{i}@example.org" if i % 3 else None, birth_date=BIRTH) for i in range(250)]
    Person.objects.bulk_create(people, batch_size=100)
    assert set(Person.objects.values_list("name", flat=True)) == {f"n{i}" for i in range(250)}
    assert found("200@example.org") == ["200@example.org"] and Person.objects.filter(email_index=None).count() == 84


def test_it_creates_in_bulk_without_returned_rows() -> None:
    Person.objects.bulk_create([Person(id=9001, name="a", email="a@x.org"), Person(id=9002, name=None)])
    assert list(Person.objects.order_by("id").values_list("name", flat=True)) == ["a", None]


def test_it_upserts_and_keeps_the_index() -> None:
    person = ada()
    Badge.objects.create(person=person, number="1", phone="111")
    again = [Badge(person=person, number="1", phone="+33 222"), Badge(person=person, number="2", phone="333")]
    Badge.objects.bulk_create(again, update_conflicts=True, unique_fields=["number"], update_fields=["phone"])
    assert list(Badge.objects.order_by("number").values_list("phone", flat=True)) == ["+33 222", "333"]
    assert Badge.objects.get(phone_index__matches="0033222").number == "1"
    same = [Badge(person=person, number="9", phone="333")]
    Badge.objects.bulk_create(same, update_conflicts=True, unique_fields=["phone_index"], update_fields=["number"])
    assert Badge.objects.get(phone_index__matches="333").number == "9"
    Badge.objects.bulk_create([Badge(person=person, number="9", phone="444")], ignore_conflicts=True)
    assert Badge.objects.count() == 2


def test_it_keeps_values_unique_through_their_index() -> None:
    person = ada()
    Badge.objects.create(person=person, number="1", phone="+33 6 11")
    with pytest.raises(IntegrityError), transaction.atomic():
        Badge.objects.create(person=person, number="2", phone="0033611")


def test_it_updates_in_bulk() -> None:
    people = Person.objects.bulk_create([Person(name=f"n{i}", email=f"{i}@x.org") for i in range(30)])
    for i, person in enumerate(people):
        person.name, person.email, person.birth_date = f"m{i}", f"new{i}@x.org" if i else None, BIRTH
    assert Person.objects.bulk_update(people, ["name", "email", "birth_date"], batch_size=7) == 30
    rows = dict(Person.objects.values_list("name", "email"))
    assert rows == {f"m{i}": f"new{i}@x.org" if i else None for i in range(30)}
    assert found("NEW7@x.org") == ["new7@x.org"] and found("7@x.org") == []
    people[3].city, people[3].name = "Paris", Lower(Value("COMPUTED"))  # type: ignore[assignment]
    with pytest.raises(DatabaseError, match="not a sealed value"), transaction.atomic():
        Person.objects.bulk_update(people[3:4], ["city", "name"])
    with pytest.raises(UnsafeUse, match="Leave email_index out"):
        Person.objects.bulk_update(people, ["email", "email_index"])


def test_it_gets_updates_or_creates_by_another_field() -> None:
    person = ada()
    args = {"number": "7", "defaults": {"phone": "777", "person": person}}
    assert Badge.objects.update_or_create(**args)[1] and not Badge.objects.update_or_create(**args)[1]
    Badge.objects.update_or_create(number="7", defaults={"phone": "888"})
    assert Badge.objects.get(phone_index__matches="888").phone == "888"
    assert Badge.objects.get_or_create(phone_index=Badge.objects.get().phone_index, defaults=args)[1] is False


def test_it_compiles_the_same_update_twice_with_the_same_result() -> None:
    ada()
    queryset = Person.objects.all()
    query = queryset.query.chain(UpdateQuery)
    query.add_update_values({"email": "twice@x.org"})
    first = query.get_compiler("default").as_sql()
    assert query.get_compiler("default").as_sql()[0] == first[0] and first[0].count("email_index") == 1


# --- refusing ---------------------------------------------------------------------------------------------------------
def test_it_refuses_what_postgresql_cannot_hold_and_what_looks_like_a_report() -> None:
    for bad in ("a\0b", "\x01missing:"):
        for write in (
            lambda: Person.objects.create(name=bad),  # noqa: B023
            lambda: Person.objects.update(name=bad),  # noqa: B023
            lambda: Person(name=bad, city="x").full_clean(),  # noqa: B023
            lambda: Person.objects.bulk_create([Person(name=bad)]),  # noqa: B023
        ):
            with pytest.raises(ValidationError):
                write()


def test_it_refuses_a_wrong_date_before_the_database_sees_it() -> None:
    with pytest.raises(ValidationError):
        Person.objects.create(birth_date="yesterday")


def test_it_refuses_plain_bytes_from_raw_sql() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO crypto_tests_person (city, name) VALUES ('x', %s)", [b"plain text"])
    with pytest.raises(DatabaseError, match="not a sealed value"), transaction.atomic():
        Person.objects.create(email="a@b.c")
        Person.objects.update(name=F("email_index"))
    with pytest.raises(UnsafeUse, match="not bytes"):
        Person.objects.update(name=b"junk")


def test_it_refuses_an_encrypted_output_field_without_a_table() -> None:
    from kivendtout.lib.crypto.fields import EncryptedTextField

    ada()
    with pytest.raises(UnsafeUse, match="outside a model"):
        list(Person.objects.annotate(x=Value("a", output_field=EncryptedTextField())))


def test_it_hides_values_in_django_s_query_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "django.db.backends"), CaptureQueriesContext(connection) as captured:
        person = ada()
        Person.objects.filter(email_index__matches="ada@example.org").update(name="Countess")
        person.save()
        Person.objects.bulk_update([person], ["name", "email"])
    logged = "".join(record.getMessage() for record in caplog.records)
    for printed in ("".join(query["sql"] for query in captured.captured_queries), logged):
        assert "•••" in printed
        assert not any(text in printed for text in ("Lovelace", "Countess", "xample.org", "1990-02"))
