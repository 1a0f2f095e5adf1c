"""The alphabet of SMS (GSM 03.38), and how much of a text fits into a few segments. Pure."""

import unicodedata

# GSM 03.38: the basic alphabet, and the characters of its extension table, which take two septets
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€")
SEGMENT_SEPTETS = 153  # GSM 03.40: of a message in parts, after the header that joins them
MAX_SEGMENTS = 3
BUDGET = MAX_SEGMENTS * SEGMENT_SEPTETS - (MAX_SEGMENTS - 1)  # the two septets of "[" never stand in two segments
PLAIN = {"·": "-", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "°": " deg ", "×": "x"}  # noqa: RUF001


def gsm(text: str) -> str:
    """Return a text in the GSM alphabet: accents it lacks are dropped, other characters become "?".

    >>> gsm("Łódź · 21 °C")
    '?odz - 21  deg C'
    """
    return "".join(_gsm_character(c) for c in text)


def _gsm_character(character: str) -> str:
    if character in GSM_BASIC or character in GSM_EXTENDED:
        return character
    plain = PLAIN.get(character)
    if plain is not None:
        return plain
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base in GSM_BASIC else "?"


def septets(text: str) -> int:
    """Return how many septets a text of the GSM alphabet takes."""
    return len(text) + sum(c in GSM_EXTENDED for c in text)


def fit(text: str, budget: int) -> str:
    """Cut a text of the GSM alphabet to a number of septets, with "..." where something was cut."""
    if septets(text) <= budget:
        return text
    kept, used = [], 3
    for character in text:
        used += 1 + (character in GSM_EXTENDED)
        if used > budget:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "..."
