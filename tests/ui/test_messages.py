"""Every text has its French and its English; the pure-Python catalogue tools read what gettext reads."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest

from kivendtout.lib.messages import check_all, compile_all
from kivendtout.lib.messages.__main__ import main
from kivendtout.lib.messages.catalogue import Entry, Key, read_po, write_mo, write_po
from kivendtout.lib.messages.extract import NotLiteral, from_javascript, from_python, from_template
from kivendtout.lib.messages.tool import collect, po_path, update_all


def test_every_text_of_the_project_is_translated() -> None:
    advice = "Run `python -m kivendtout.lib.messages update`, then translate what it names."
    assert [str(problem) for problem in check_all()] == [], advice


def test_a_translation_keeps_the_placeholders_of_its_source() -> None:
    def names(text: str) -> list[str]:
        return sorted(set(re.findall(r"%\(\w+\)[sd]|\{\w+\}|%[sd]", text)))

    entries = [entry for language in ("fr", "en") for key, entry in read_po(po_path(language)).items() if key.msgid]
    wrong = [
        entry.key.msgid
        for entry in entries
        if any(text and names(text) != names(entry.key.plural or entry.key.msgid) for text in entry.texts)
    ]
    assert wrong == []


def test_french_puts_an_unbreakable_space_before_double_signs() -> None:
    wrong = [
        text
        for entry in read_po(po_path("fr")).values()
        if entry.key.msgid
        for text in entry.texts
        if re.search(r" [:;!?»]|« ", text)
    ]
    assert wrong == []


def test_texts_are_found_in_python_under_any_name() -> None:
    source = (
        "from django.utils.translation import gettext_lazy as _, ngettext as n, pgettext\n"
        "_('One')\nn('%(c)s payment', '%(c)s payments', count)\npgettext('order', 'Paid')\nprint('Not this')\n"
    )
    assert set(from_python(source, "x.py")) == {
        Key("One"),
        Key("%(c)s payment", "%(c)s payments"),
        Key("Paid", "", "order"),
    }


def test_a_computed_text_is_refused() -> None:
    with pytest.raises(NotLiteral, match=r"x\.py:2: .*written out"):
        list(from_python("from django.utils.translation import gettext as _\n_(f'{a} b')\n", "x.py"))


def test_a_text_marked_elsewhere_may_be_looked_up() -> None:
    source = "from django.utils.translation import gettext as _\n_(role.why)\n_(words)\n_(table['a'])\n"
    assert list(from_python(source, "x.py")) == []


def test_texts_are_found_in_templates() -> None:
    source = (
        "{% load i18n %}{% translate \"Plain\" %}{% translate 'Paid' context 'order' %}<a title=\"{{ _('Named') }}\">"
        "{% blocktranslate with n=name trimmed %}\n  Hello\n  {{ n }}\n{% endblocktranslate %}"
        "{% blocktranslate count c=n %}{{ c }} row{% plural %}{{ c }} rows{% endblocktranslate %}"
        '{# {% translate "Not this" %} #}'
    )
    assert set(from_template(source, "x.html")) == {
        Key("Plain"),
        Key("Paid", "", "order"),
        Key("Named"),
        Key("Hello %(n)s"),
        Key("%(c)s row", "%(c)s rows"),
    }


def test_texts_are_found_in_scripts() -> None:
    assert set(from_javascript("gettext('One');\n// gettext('Not this')\nngettext(\"a\", \"b\", n)", "x.js")) == {
        Key("One"),
        Key("a", "b"),
    }


def test_a_catalogue_survives_writing_and_reading(tmp_path: Path) -> None:
    entries = [
        Entry(Key('She said "oui"\n\tthen left \\'), ["Elle a dit « oui »\n\tpuis \\"]),
        Entry(Key("one", "many", "ctx"), ["un", "plusieurs"]),
        Entry(Key("unsure"), ["incertain"], [], True),
    ]
    path = tmp_path / "django.po"
    write_po(path, {entry.key: entry for entry in entries}, "Content-Type: text/plain; charset=UTF-8\n")
    read = read_po(path)
    assert {key: (entry.texts, entry.fuzzy) for key, entry in read.items() if key.msgid} == {
        entry.key: (entry.texts, entry.fuzzy) for entry in entries
    }


def test_pythons_own_gettext_reads_what_we_compile(tmp_path: Path) -> None:
    header = Entry(Key(""), ["Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n > 1);\n"])
    entries = [
        header,
        Entry(Key("Sign in"), ["Connexion"]),
        Entry(Key("%d row", "%d rows"), ["%d ligne", "%d lignes"]),
        Entry(Key("Paid", "", "order"), ["Payée"]),
        Entry(Key("unsure"), ["incertain"], [], True),
    ]
    write_mo(tmp_path / "django.mo", {entry.key: entry for entry in entries})
    with (tmp_path / "django.mo").open("rb") as file:
        french = gettext.GNUTranslations(file)
    assert french.gettext("Sign in") == "Connexion"
    assert [french.ngettext("%d row", "%d rows", n) for n in (0, 1, 2)] == ["%d ligne", "%d ligne", "%d lignes"]
    assert french.pgettext("order", "Paid") == "Payée"
    assert french.gettext("unsure") == "unsure"


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/page.html").write_text('{% load i18n %}{% translate "Sign in" %}')
    return tmp_path


def test_a_missing_translation_is_named_with_its_place(small_project: Path) -> None:
    assert [str(problem) for problem in update_all(small_project)] == ["fr: missing: 'Sign in' (templates/page.html)"]


def test_a_fuzzy_translation_does_not_pass(small_project: Path) -> None:
    update_all(small_project)
    french = po_path("fr", root=small_project)
    unsure = '#, fuzzy\nmsgid "Sign in"\nmsgstr "Entrer"'
    french.write_text(french.read_text().replace('msgid "Sign in"\nmsgstr ""', unsure))
    assert [problem.what for problem in check_all(small_project)] == ["fuzzy"]


def test_an_update_keeps_translations_and_drops_what_is_gone(small_project: Path) -> None:
    update_all(small_project)
    french = po_path("fr", root=small_project)
    french.write_text(french.read_text().replace('msgid "Sign in"\nmsgstr ""', 'msgid "Sign in"\nmsgstr "Connexion"'))
    assert update_all(small_project) == []
    assert read_po(french)[Key("Sign in")].texts == ["Connexion"]
    (small_project / "templates/page.html").write_text("")
    update_all(small_project)
    assert Key("Sign in") not in read_po(french)
    assert Key("Sign in") not in collect(root=small_project)


def test_compiling_twice_gives_the_same_bytes() -> None:
    first = {path: path.read_bytes() for path in compile_all()}
    assert {path: path.read_bytes() for path in compile_all()} == first


def test_the_command_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "compile, update, check" in capsys.readouterr().err
