"""Names of people who do not exist."""

import random

FIRST = (
    "Ada", "Amara", "Anika", "Beatriz", "Callum", "Carmen", "Chidi", "Daniel", "Daphne", "Elena",
    "Emeka", "Esther", "Farid", "Fiona", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jasper", "Jun",
    "Katrin", "Kofi", "Lars", "Leila", "Lucia", "Malik", "Mara", "Mateo", "Mei", "Nadia", "Niall",
    "Noor", "Olga", "Omar", "Paula", "Priya", "Quentin", "Rafael", "Rosa", "Ruth", "Sanjay", "Selma",
    "Simon", "Tamsin", "Tariq", "Ulrike", "Vera", "Viktor", "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
LAST = (
    "Abara", "Albrecht", "Almeida", "Andersen", "Bakker", "Banerjee", "Castillo", "Chen", "Costa",
    "Dalgaard", "Dubois", "Eze", "Fischer", "Fofana", "Garcia", "Haddad", "Hansen", "Ibrahim", "Ito",
    "Jansen", "Kaya", "Keller", "Khan", "Kowalski", "Larsen", "Lindqvist", "Lopez", "Marchetti",
    "Mbeki", "Moreau", "Murphy", "Nakamura", "Novak", "Okafor", "Oliveira", "Park", "Patel", "Petrov",
    "Quinn", "Rahman", "Rossi", "Santos", "Schmidt", "Silva", "Sorensen", "Tanaka", "Torres", "Usman",
    "Varga", "Vogel", "Walsh", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip
QUEUES = (
    "Support", "Sales", "Billing", "Claims", "Returns", "Technical Help", "Bookings", "Complaints",
    "Renewals", "Priority Care",
)  # fmt: skip


def person(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def unlike(taken: set[str], rng: random.Random) -> str:
    """A name nobody has yet; an initial or a number helps when the plain ones run out."""
    name = person(rng)
    for _ in range(20):
        if name not in taken:
            break
        name = person(rng)
    else:
        first, last = name.split(" ", 1)
        name = f"{first} {rng.choice('ABCDEFGHJKLMNOPRSTVW')}. {last}"
    number = 2
    while name in taken:
        name = f"{name.rstrip('0123456789 ')} {number}"
        number += 1
    taken.add(name)
    return name


def email(name: str, *, domain: str) -> str:
    local = name.casefold().replace(".", "").replace(" ", ".")
    return f"{local}@{domain}"


def number(rng: random.Random) -> str:
    """A telephone number from the range kept free for fiction."""
    return f"tel:+1555555{rng.randrange(100, 200):04d}"
