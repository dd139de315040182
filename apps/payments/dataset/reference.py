"""The small worlds the customers live in: countries, names, streets, devices, campaigns."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Country:
    code: str
    weight: float
    zone: str
    phone: str  # prefix of an invented number; five more digits follow
    street: str
    cities: tuple[tuple[str, str], ...]  # name, first digits of the postal code
    postal_tail: int  # random digits that complete the postal code
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FR_FIRST = _words(
    "Camille Léa Manon Chloé Inès Jade Louise Sarah Julie Nadia Hugo Lucas Louis Gabriel Adam Karim "
    "Thomas Antoine Nicolas Mathieu Claire Sophie Aïcha Yanis Éloïse Romain Benoît Marion"
)
_FR_LAST = _words(
    "Martin Bernard Petit Durand Leroy Moreau Simon Laurent Lefebvre Roux Fournier Girard Mercier Benali "
    "Diallo Nguyen Chevalier Robin Masson Perrin Marchand Noël Aubry Delmas Traoré Lemoine"
)
_NL_FIRST = _words("Emma Julia Sanne Lotte Anouk Fleur Daan Sem Bram Lars Thijs Ruben Pieter Joris")
_NL_LAST = _words("Jansen Bakker Visser Smit Meijer Mulder Bos Vos Peters Dekker Claes Maes Wouters")
_DE_FIRST = _words("Anna Lena Mia Hannah Sophie Laura Lukas Leon Felix Jonas Paul Maximilian Jürgen Elif")
_DE_LAST = _words("Müller Schmidt Schneider Fischer Weber Wagner Becker Hoffmann Koch Richter Yılmaz Braun")
_ES_FIRST = _words("Lucía María Paula Carmen Alba Sofía Hugo Mateo Pablo Álvaro Javier Diego Nuria Iker")
_ES_LAST = _words("García López Sánchez Romero Torres Navarro Ramos Gil Serrano Molina Ortega Castro")
_IT_FIRST = _words("Giulia Chiara Martina Sara Elena Alice Marco Luca Matteo Andrea Davide Lorenzo")
_IT_LAST = _words("Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Conti Gallo")
_PT_FIRST = _words("Maria Leonor Matilde Beatriz Inês Ana João Rodrigo Tiago Miguel Duarte Rui")
_PT_LAST = _words("Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins Sousa Almeida Pinto")
_GB_FIRST = _words("Olivia Amelia Isla Ava Grace Priya Oliver George Harry Jack Noah Mohammed Callum")
_GB_LAST = _words("Smith Jones Taylor Brown Williams Wilson Evans Walker Patel Hughes Green Khan Wood")

# French-weighted, like the shop's home market. Phone prefixes follow the ranges that regulators
# keep for fiction where they exist; never more than twelve digits in all.
COUNTRIES: Final = (
    Country(
        "FR", 0.42, "Europe/Paris", "+33 1 99 0", "rue de l'Exemple",
        (("Paris", "75"), ("Lyon", "69"), ("Marseille", "13"), ("Lille", "59"), ("Nantes", "44"),
         ("Toulouse", "31"), ("Rennes", "35"), ("Strasbourg", "67"), ("Bordeaux", "33")),
        3, _FR_FIRST, _FR_LAST,
    ),
    Country(
        "BE", 0.11, "Europe/Brussels", "+32 2 990 ", "avenue de l'Essai",
        (("Bruxelles", "10"), ("Liège", "40"), ("Namur", "50"), ("Gand", "90"), ("Anvers", "20")),
        2, _FR_FIRST[:14] + _NL_FIRST[:8], _FR_LAST[:10] + _NL_LAST[6:],
    ),
    Country(
        "DE", 0.10, "Europe/Berlin", "+49 30 990 ", "Musterstraße",
        (("Berlin", "10"), ("Hamburg", "20"), ("Köln", "50"), ("München", "80"), ("Stuttgart", "70")),
        3, _DE_FIRST, _DE_LAST,
    ),
    Country(
        "ES", 0.08, "Europe/Madrid", "+34 990 ", "calle del Ejemplo",
        (("Madrid", "28"), ("Barcelona", "08"), ("Valencia", "46"), ("Sevilla", "41")),
        3, _ES_FIRST, _ES_LAST,
    ),
    Country(
        "IT", 0.08, "Europe/Rome", "+39 06 990 ", "via dell'Esempio",
        (("Roma", "00"), ("Milano", "20"), ("Torino", "10"), ("Napoli", "80")),
        3, _IT_FIRST, _IT_LAST,
    ),
    Country(
        "PT", 0.05, "Europe/Lisbon", "+351 990 ", "rua do Exemplo",
        (("Lisboa", "10"), ("Porto", "40"), ("Braga", "47"), ("Coimbra", "30")),
        2, _PT_FIRST, _PT_LAST,
    ),
    Country(
        "NL", 0.06, "Europe/Amsterdam", "+31 20 990 ", "Voorbeeldstraat",
        (("Amsterdam", "10"), ("Rotterdam", "30"), ("Utrecht", "35"), ("Eindhoven", "56")),
        2, _NL_FIRST, _NL_LAST,
    ),
    Country(
        "GB", 0.05, "Europe/London", "+44 1632 ", "Sample Street",
        (("London", "EC1A "), ("Leeds", "LS1 "), ("Bristol", "BS1 "), ("Glasgow", "G1 ")),
        1, _GB_FIRST, _GB_LAST,
    ),
    Country(
        "CH", 0.03, "Europe/Zurich", "+41 44 990 ", "chemin de l'Exemple",
        (("Genève", "12"), ("Lausanne", "10"), ("Zürich", "80")),
        2, _FR_FIRST[:10] + _DE_FIRST[:8], _FR_LAST[:8] + _DE_LAST[:8],
    ),
    Country(
        "LU", 0.02, "Europe/Luxembourg", "+352 990 ", "rue du Modèle",
        (("Luxembourg", "10"), ("Esch-sur-Alzette", "40")),
        2, _FR_FIRST[:12] + _DE_FIRST[:4], _FR_LAST[:12] + _DE_LAST[:4],
    ),
)  # fmt: skip
COUNTRY_CODES: Final = tuple(country.code for country in COUNTRIES)

# Where foreign fraud comes from: the shop's own countries, and a few it does not sell to.
OUTSIDE_CODES: Final = ("RO", "US", "NG", "BR", "VN", "PL")
ALL_CODES: Final = COUNTRY_CODES + OUTSIDE_CODES

DEVICES: Final = ("web_mobile", "android", "ios", "web_desktop")
WEB_MOBILE, ANDROID, IOS, WEB_DESKTOP = range(4)
DEVICE_WEIGHTS: Final = (0.27, 0.25, 0.24, 0.24)
# For each device: hardware kind, then the operating system and browser pairs it is seen with.
DEVICE_KINDS: Final = ("mobile", "mobile", "mobile", "desktop")
DEVICE_SOFTWARE: Final = (
    (("Android 14", "Chrome Mobile"), ("iOS 18", "Mobile Safari"), ("Android 13", "Samsung Internet")),
    (("Android 15", "App"), ("Android 14", "App"), ("Android 12", "App")),
    (("iOS 18", "App"), ("iOS 17", "App"), ("iOS 26", "App")),
    (("Windows 11", "Chrome"), ("Windows 10", "Edge"), ("macOS 15", "Safari"), ("Ubuntu 24.04", "Firefox")),
)

METHODS: Final = ("card", "paypal", "apple_pay", "google_pay")
SHIPPING: Final = ("standard", "express", "pickup_point")
UTM_SOURCES: Final = ("direct", "seo", "email", "ads_google", "ads_meta", "affiliate")
CAMPAIGNS: Final = ("none", "retargeting", "fall_sale", "black_friday", "xmas_push", "winter_sale")
FAILURES: Final = (
    "",
    "wrong_cvv",
    "insufficient_funds",
    "authentication_failed",
    "expired_card",
    "do_not_honor",
    "card_restricted",
)
