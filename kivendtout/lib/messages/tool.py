"""Keep the catalogues complete: update them from the sources, check them, compile them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kivendtout.lib.messages.catalogue import Catalogue, Entry, Key, read_po, write_mo, write_po

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ("fr", "en")
SOURCE_LANGUAGE = "en"  # the texts in the sources are English: its entries fill themselves
# French counts zero as one: « 0 paiement ».
PLURALS = {"fr": "nplurals=2; plural=(n > 1);", "en": "nplurals=2; plural=(n != 1);"}
FOLDERS = ("apps", "celery_worker", "kivendtout", "templates", "static")
DOMAINS = {"django": (".py", ".html", ".txt"), "djangojs": (".js",)}


@dataclass(frozen=True)
class Problem:
    """A text that a reader would see in the wrong language, or not at all."""

    language: str
    what: str
    key: Key
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.language}: {self.what}: {self.key.msgid!r} ({', '.join(self.places) or 'no longer used'})"


def po_path(language: str, domain: str = "django", root: Path = ROOT) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def collect(domain: str = "django", root: Path = ROOT) -> Catalogue:
    """Every text in the sources, with the files it is in."""
    from kivendtout.lib.messages import extract  # needs Django, which compiling does not

    readers: dict[str, Callable[[str, str], Iterable[Key]]] = {
        ".py": extract.from_python,
        ".html": extract.from_template,
        ".txt": extract.from_template,
        ".js": extract.from_javascript,
    }
    found: Catalogue = {}
    for suffix in DOMAINS[domain]:
        for path in extract.project_files(root, FOLDERS, suffix):
            name = path.relative_to(root).as_posix()
            for key in readers[suffix](path.read_text(encoding="utf-8"), name):
                found.setdefault(key, Entry(key)).places.append(name)
    return found


def update_all(root: Path = ROOT) -> list[Problem]:
    """Bring the .po files in step with the sources; what still needs a translator is returned."""
    for domain in DOMAINS:
        found = collect(domain, root)
        for language in LANGUAGES:
            path = po_path(language, domain, root)
            if found or path.is_file():
                write_po(path, _merge(found, read_po(path), language), _header(language))
    return check_all(root)


def _merge(found: Catalogue, known: Catalogue, language: str) -> Catalogue:
    merged: Catalogue = {}
    for key, entry in found.items():
        old = known.get(key, Entry(key))
        texts = [key.msgid, *([key.plural] if key.plural else [])] if language == SOURCE_LANGUAGE else old.texts
        merged[key] = Entry(key, texts, entry.places, old.fuzzy and language != SOURCE_LANGUAGE)
    return merged


def _header(language: str) -> str:
    return (
        f"Project-Id-Version: KiVendTout\nLanguage: {language}\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        f"Plural-Forms: {PLURALS[language]}\n"
    )


def check_all(root: Path = ROOT) -> list[Problem]:
    problems = []
    for domain in DOMAINS:
        found = collect(domain, root)
        for language in LANGUAGES:
            problems += _check(found, read_po(po_path(language, domain, root)), language)
    return problems


def _check(found: Catalogue, known: Catalogue, language: str) -> list[Problem]:
    problems = []
    for key, entry in found.items():
        have = known.get(key)
        if have is None or not have.complete:
            what = "missing" if have is None or not have.fuzzy else "fuzzy"
            problems.append(Problem(language, what, key, tuple(sorted(set(entry.places)))))
    return problems


def compile_all(root: Path = ROOT) -> list[Path]:
    """Write the .mo files beside the .po files. The standard library is enough."""
    written = []
    for po in sorted((root / "locale").glob("*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        write_mo(mo, read_po(po))
        written.append(mo)
    return written
