"""Everything logged, nothing told: neither keys nor values reach the server's log, its activity view or SQL texts."""

from __future__ import annotations

import base64
import datetime
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connections, transaction
from django.db.models import Case, Value, When
from django.db.utils import DatabaseError, IntegrityError

from kivendtout.lib.crypto import checks
from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.localring import LocalKeyRing
from kivendtout.lib.crypto.operations import install_functions
from kivendtout.lib.crypto.rotation import Options, rotate_table
from kivendtout.lib.crypto.rotation_index import rotate_index
from tests.crypto.app.models import MODELS, Badge, Person
from tests.crypto.cluster import PASSWORD, ROLE, Cluster

ALIAS = "sealed"
NAME, MAIL, PHONE = "Zaphod Plaintextson", "zaphod@plaintext.example", "+33 6 98 76 54 32"
BIRTH = datetime.date(1971, 7, 13)


@pytest.fixture
def sealed(cluster: Cluster, ring: LocalKeyRing, _test_app: None, django_db_blocker: object) -> Iterator[Cluster]:
    where = {"NAME": "sealed", "HOST": "127.0.0.1", "PORT": str(cluster.port), "USER": ROLE, "PASSWORD": PASSWORD}
    connections.databases[ALIAS] = {
        **connections.databases["default"], **where, "OPTIONS": {"server_side_binding": True}
    }  # fmt: skip
    cluster.begin_log()
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connection = connections[ALIAS]
        with connection.schema_editor() as editor:
            install_functions(editor)
            for model in MODELS:
                editor.create_model(model)
        yield cluster
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)
        connection.close()
    del connections[ALIAS], connections.databases[ALIAS]


def people() -> object:
    return Person.objects.using(ALIAS)


def forbidden(ring: LocalKeyRing) -> set[str]:
    state = ring.state()
    keys = [k.secret for ks in (*state.tables.values(), *state.indexes.values()) for k in ks]
    texts = [NAME, MAIL, PHONE, "33698765432", BIRTH.isoformat(), "Plaintextson", "plaintext.example"]
    found = set()
    for secret in [*keys, *(text.encode() for text in texts)]:
        found |= {secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode()[:-4]}
    return found | set(texts)


def assert_silent(text: str, ring: LocalKeyRing) -> None:
    told = {one for one in forbidden(ring) if one in text}
    assert not told, f"the log tells {len(told)} of the secrets"


def test_it_tells_nothing_when_all_goes_well(sealed: Cluster, ring: LocalKeyRing) -> None:
    for i in range(8):  # psycopg prepares a statement at its fifth use, and then logs differently
        person = people().create(name=NAME, email=MAIL, birth_date=BIRTH)  # type: ignore[attr-defined]
        person.name = f"{NAME} {i}"
        person.save()
        assert people().filter(email_index__matches=MAIL).count() == i + 1  # type: ignore[attr-defined]
        Badge.objects.using(ALIAS).create(person=person, number=str(i), phone=f"{PHONE}{i}")
    people().bulk_create([Person(name=NAME, email=MAIL) for _ in range(50)])  # type: ignore[attr-defined]
    everyone = list(people().all())  # type: ignore[attr-defined]
    people().update(name=NAME, email=MAIL, birth_date=BIRTH)  # type: ignore[attr-defined]
    people().update(email=Case(When(pk=1, then=Value(MAIL)), default=Value(None)))  # type: ignore[attr-defined]
    people().update(name=Value(NAME))  # type: ignore[attr-defined]
    people().bulk_update(everyone, ["name", "email", "birth_date"])  # type: ignore[attr-defined]
    Badge.objects.using(ALIAS).bulk_create(
        [Badge(person=everyone[0], number="1", phone=PHONE)],
        update_conflicts=True, unique_fields=["number"], update_fields=["phone"],
    )  # fmt: skip
    assert people().order_by("name").values_list("name", flat=True)[0] == NAME  # type: ignore[attr-defined]
    assert rotate_table(Person, Options(grace=0, using=ALIAS)).finished
    email_index = Person._meta.get_field("email_index")
    assert rotate_index(email_index.purpose, [email_index], Options(grace=0, using=ALIAS)).finished
    log = sealed.log()
    assert "INSERT INTO" in log and "kvt_encrypt($" in log and "set_config(name, value" in log and "duration:" in log
    assert_silent(log, ring)


def test_it_tells_nothing_when_statements_fail(sealed: Cluster, ring: LocalKeyRing) -> None:
    person = people().create(name=NAME, email=MAIL, birth_date=BIRTH)  # type: ignore[attr-defined]
    badges = Badge.objects.using(ALIAS)
    badges.create(person=person, number="1", phone=PHONE)
    with pytest.raises(IntegrityError, match="unique"):
        badges.create(person=person, number="2", phone=PHONE)
    with pytest.raises(IntegrityError, match="city_exists"):
        people().create(name=NAME, email=MAIL, birth_date=BIRTH, city="Atlantis")  # type: ignore[attr-defined]
    with pytest.raises(IntegrityError, match="city_exists"):
        people().update(name=NAME, city="Atlantis")  # type: ignore[attr-defined]
    with pytest.raises(DatabaseError, match="too long"):
        people().create(name=NAME, city="x" * 41)  # type: ignore[attr-defined]
    with pytest.raises(IntegrityError, match="null"):
        badges.create(person=person, number="3", phone=None)
    raw = connections[ALIAS].connection
    for sql in (
        "SELECT kvt_encrypt(%s, 'no_such_table')",
        "SELECT kvt_encrypt(chr(1) || %s, 'crypto_tests_person')",
        "SELECT kvt_encrypt(%s, 'crypto_tests_person')::int",
        "SELECT kvt_seal(convert_to(%s, 'UTF8'), 'crypto_tests_person')",
        "INSERT INTO crypto_tests_person (city, name) VALUES ('x', kvt_encrypt(%s, 'crypto_tests_person'), 3)",
    ):
        with pytest.raises(psycopg.Error):
            raw.execute(sql, [NAME])
    log = sealed.log()
    assert log.count("ERROR:") >= 9 and "Failing row contains" in log
    assert_silent(log, ring)


def test_it_tells_nothing_when_a_statement_is_cancelled_inside_the_encryption(
    sealed: Cluster, ring: LocalKeyRing
) -> None:
    rows = [Person(name=NAME * 2000) for _ in range(1500)]
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SET statement_timeout = '60ms'")
    try:
        with pytest.raises(OperationalError, match="statement timeout"):
            people().bulk_create(rows)  # type: ignore[attr-defined]
    finally:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("RESET statement_timeout")
    log = sealed.log()
    assert "canceling statement due to statement timeout" in log
    assert_silent(log, ring)


def test_it_tells_nothing_about_a_deadlock(sealed: Cluster, ring: LocalKeyRing) -> None:
    first, second = (people().create(name=NAME) for _ in range(2))  # type: ignore[attr-defined]
    both, lost = threading.Barrier(2, timeout=10), []

    def write(one: Person, other: Person) -> None:
        try:
            with transaction.atomic(using=ALIAS):
                people().filter(pk=one.pk).update(name=NAME)  # type: ignore[attr-defined]
                both.wait()
                people().filter(pk=other.pk).update(name=NAME)  # type: ignore[attr-defined]
        except OperationalError:
            lost.append(one)
        finally:
            connections[ALIAS].close()

    threads = [threading.Thread(target=write, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(lost) == 1 and "deadlock detected" in sealed.log()
    assert_silent(sealed.log(), ring)


def test_it_tells_nothing_in_the_activity_view(sealed: Cluster, ring: LocalKeyRing) -> None:
    def write() -> None:
        with connections[ALIAS].cursor() as cursor:
            people().create(name=NAME)  # type: ignore[attr-defined]
            cursor.execute("SELECT pg_sleep(0.6), kvt_encrypt(%s, 'crypto_tests_person')", [NAME])
        connections[ALIAS].close()

    thread = threading.Thread(target=write)
    thread.start()
    seen = ""
    with psycopg.connect(sealed.admin_url, autocommit=True) as admin:
        while thread.is_alive():
            seen += str(admin.execute("SELECT query FROM pg_stat_activity").fetchall())
            time.sleep(0.02)
    thread.join(10)
    assert "pg_sleep" in seen
    assert_silent(seen, ring)


def test_it_prints_no_plan_with_values_in_it(sealed: Cluster, ring: LocalKeyRing) -> None:
    with psycopg.connect(sealed.admin_url, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {ROLE} SET debug_print_plan = on")
        try:
            connections[ALIAS].close()
            people().create(name=NAME)  # type: ignore[attr-defined]
        finally:
            admin.execute(f"ALTER ROLE {ROLE} RESET debug_print_plan")
    as_plan_prints = " ".join(str(byte) for byte in b"Zaphod")
    assert as_plan_prints not in sealed.log()


def test_it_would_hear_what_is_told(sealed: Cluster, ring: LocalKeyRing) -> None:
    """The other tests prove something only if this server does log values where the roles' settings let it."""
    with psycopg.connect(sealed.admin_url, autocommit=True) as admin:
        admin.execute("SELECT %s::text, %s::text", [NAME, ring.create(tables=["t"], indexes=[])[0]])
        admin.execute("SELECT %s::text", [ring.state().active("t").secret.hex()])
    assert NAME in sealed.log() and ring.state().active("t").secret.hex() in sealed.log()
    with pytest.raises(AssertionError, match="tells"):
        assert_silent(sealed.log(), ring)


# --- refusing to be overheard -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("setting", ["log_parameter_max_length", "log_parameter_max_length_on_error"])
def test_it_gives_no_key_to_a_session_whose_values_may_be_logged(
    sealed: Cluster, ring: LocalKeyRing, setting: str
) -> None:
    people().create(name=NAME)  # type: ignore[attr-defined]
    with psycopg.connect(sealed.admin_url, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {ROLE} SET {setting} = -1")
        try:
            connections[ALIAS].close()
            with pytest.raises(KeyRingError, match=f"ALTER ROLE {ROLE} SET {setting} = 0;"):
                people().create(name=NAME)  # type: ignore[attr-defined]
            assert "unreadable" in str(people().get().name)  # type: ignore[attr-defined]
            (error,) = checks.check_parameter_logging(databases=[ALIAS])
            assert error.id == "kvt.E002" and f"SET {setting} = 0" in str(error.hint)
        finally:
            admin.execute(f"ALTER ROLE {ROLE} SET {setting} = 0")
            connections[ALIAS].close()
    assert people().get().name == NAME  # type: ignore[attr-defined]
    assert checks.check_parameter_logging(databases=[ALIAS]) == []
    assert_silent(sealed.log(), ring)


def test_it_refuses_a_connection_that_writes_values_into_sql(sealed: Cluster, ring: LocalKeyRing) -> None:
    people().create(name="before")  # type: ignore[attr-defined]
    connections[ALIAS].close()
    connections.databases[ALIAS]["OPTIONS"] = {}
    del connections[ALIAS]
    try:
        for write in (lambda: people().create(name=NAME), lambda: people().update(name=NAME)):  # type: ignore[attr-defined]
            with pytest.raises(KeyRingError, match="server_side_binding"):
                write()
        assert [message.id for message in checks.check_binding(databases=[ALIAS])] == ["kvt.E001"]
    finally:
        connections[ALIAS].close()
        connections.databases[ALIAS]["OPTIONS"] = {"server_side_binding": True}
        del connections[ALIAS]
    assert checks.check_binding(databases=[ALIAS]) == []
    assert_silent(sealed.log(), ring)


def test_its_checks_run_with_the_database_tag(sealed: Cluster, ring: LocalKeyRing) -> None:
    found = {message.id for message in run_checks(databases=[ALIAS]) if str(message.id).startswith("kvt.")}
    assert found == set()
    ring.path.chmod(0o644)
    assert [m.id for m in checks.check_keyring(databases=[ALIAS])] == ["kvt.E003"]
    ring.path.chmod(0o600)


# --- bulk loading -----------------------------------------------------------------------------------------------------
def test_it_loads_through_a_staging_table_without_telling(sealed: Cluster, ring: LocalKeyRing) -> None:
    from kivendtout.lib.crypto.hashing import blind_indexes
    from kivendtout.lib.crypto.session import ensure_keys

    connection = connections[ALIAS]
    mails = [f"{i}{MAIL}" for i in range(500)]
    indexes = blind_indexes("crypto_tests_person.email_index", mails, normaliser="email")
    ensure_keys(connection, writing_to="crypto_tests_person")
    with transaction.atomic(using=ALIAS), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staging (name text, email text, email_index bytea) ON COMMIT DROP")
        with cursor.copy("COPY staging FROM STDIN") as copy:
            for mail, index in zip(mails, indexes, strict=True):
                copy.write_row((NAME, mail, index))
        cursor.execute(
            "INSERT INTO crypto_tests_person (city, name, email, email_index) SELECT 'Lyon', "
            "kvt_encrypt(name, 'crypto_tests_person'), kvt_encrypt(email, 'crypto_tests_person'), email_index "
            "FROM staging"
        )
    assert people().get(email_index__matches=mails[77].upper()).name == NAME  # type: ignore[attr-defined]
    assert_silent(sealed.log(), ring)
