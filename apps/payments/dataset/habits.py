"""Which device and which network people shop from: mostly the same ones, not always."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.payments.dataset.arrays import DAY, F64, I64, U64, Bool, Rng, mix
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.people import People
from apps.payments.dataset.reference import ALL_CODES, ANDROID, COUNTRY_CODES, IOS, WEB_DESKTOP, WEB_MOBILE

# Salts keep the key spaces apart.
_OWN, _HOME, _NEW_PHONE, _SECOND, _BORROWED = 11, 12, 13, 14, 15
_HOME_NET, _MOBILE_NET, _WORK_NET, _HOTEL_NET, _OTHER_NET, _CARD = 21, 22, 23, 24, 25, 31
# Drawn by hash, from no stream: what people have and where they are does not depend on it.
_ROAMING, _VPN, _VPN_EXIT, _PROXY, _PROXY_EXIT = 41, 42, 43, 44, 45
_ROAMERS: Final = 0.3  # travellers who stay on their own operator's network, which is at home
_VPN_HOUSEHOLDS: Final = 0.03
_LEASE_DAYS: Final = 40  # how long a home connection keeps its address


@dataclass(frozen=True)
class Whereabouts:
    kind: I64
    device: U64
    address: U64
    country: I64
    located: I64  # country of the address


def usual(options: DatasetOptions, people: People, person: I64, moment: I64, rng: Rng) -> Whereabouts:
    n = len(person)
    kind, device = _device(options, people, person, moment, rng)
    net, seed = rng.random(n), options.seed
    number = people.number[person]
    household = people.number[people.head[person]]
    lease = (moment // DAY + household % _LEASE_DAYS) // _LEASE_DAYS
    travelling = (moment >= people.trip_from[person]) & (moment < people.trip_to[person])
    mobile = (kind != WEB_DESKTOP) & (net < 0.3)
    work = (kind == WEB_DESKTOP) & (net < 0.2)
    address = mix(seed, _HOME_NET, household, lease)
    address = np.where(mobile, mix(seed, _MOBILE_NET, number, rng.integers(0, 2**40, n)), address)
    address = np.where(work, mix(seed, _WORK_NET, number), address)
    address = np.where(travelling, mix(seed, _HOTEL_NET, number), address)
    country = np.where(work | (net > 0.7), people.work_country[person], people.country[person])
    country = np.where(travelling, people.trip_country[person], country)
    relayed = rng.random(n) < 0.008  # a private relay or a mis-located address
    country = np.where(relayed, rng.integers(0, len(COUNTRY_CODES), n), country)
    home = ~travelling & ~work & ~mobile
    located = np.where(work | travelling | relayed, country, people.country[person])
    roaming = travelling & ~relayed & chance(seed, _ROAMING, number, share=_ROAMERS)
    located = np.where(roaming, people.country[person], located)
    exit_country = _drawn(len(COUNTRY_CODES), seed, _VPN_EXIT, household, lease)
    vpn = home & ~relayed & chance(seed, _VPN, household, share=_VPN_HOUSEHOLDS)
    located = np.where(vpn, exit_country, located)
    return Whereabouts(kind=kind, device=device, address=address, country=country, located=located)


def proxied(options: DatasetOptions, address: U64, country: I64, share: F64) -> I64:
    """Where a thief's address seems to be: in the country paid from, or behind a proxy in any."""
    behind = chance(options.seed, _PROXY, address, share=share)
    return np.where(behind, _drawn(len(ALL_CODES), options.seed, _PROXY_EXIT, address), country)


def chance(*parts: I64 | U64 | int, share: F64 | float) -> Bool:
    return _drawn(10_000, *parts) < np.asarray(share) * 10_000


def _drawn(below: int, *parts: I64 | U64 | int) -> I64:
    return (mix(*parts) % np.uint64(below)).astype(np.int64)


def _device(options: DatasetOptions, people: People, person: I64, moment: I64, rng: Rng) -> tuple[I64, U64]:
    n, seed = len(person), options.seed
    u = rng.random(n)
    number, preferred = people.number[person], people.device[person]
    replaced = moment >= people.new_phone_at[person]
    kind = preferred
    device = np.where(replaced, mix(seed, _NEW_PHONE, number), mix(seed, _OWN, number))
    home = people.home[person] & (u > 0.62) & (u <= 0.9)
    device = np.where(home, mix(seed, _HOME, people.number[people.head[person]]), device)
    kind = np.where(home, WEB_DESKTOP, kind)
    second = (u > 0.9) & (u <= 0.975) | (~people.home[person] & (u > 0.86) & (u <= 0.9))
    device = np.where(second, mix(seed, _SECOND, number), device)
    kind = np.where(second, np.where(preferred == WEB_DESKTOP, WEB_MOBILE, WEB_DESKTOP), kind)
    borrowed = u > 0.975
    device = np.where(borrowed, mix(seed, _BORROWED, number, rng.integers(0, 2**40, n)), device)
    return kind, device


def unknown(options: DatasetOptions, size: int, rng: Rng) -> tuple[I64, U64, U64]:
    """A device kind, a device and an address nobody has used before."""
    kind = rng.choice([WEB_DESKTOP, ANDROID, IOS, WEB_MOBILE], size, p=[0.4, 0.27, 0.13, 0.2]).astype(np.int64)
    fresh = rng.integers(0, 2**62, (2, size))
    return kind, mix(options.seed, _BORROWED, fresh[0], 1), mix(options.seed, _OTHER_NET, fresh[1], 1)


def own_card(options: DatasetOptions, people: People, person: I64, second: I64) -> U64:
    return mix(options.seed, _CARD, people.number[person], second)


def strange_card(options: DatasetOptions, size: int, rng: Rng) -> U64:
    return mix(options.seed, _CARD, rng.integers(0, 2**62, size), 9)
