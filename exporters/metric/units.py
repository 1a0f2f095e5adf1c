"""The unit table: what devices speak (`kWh`) to what Prometheus keeps (`joules`), checked against the metric's name.

Factors are exact fractions: from SI prefixes, or the definition named beside them.
"""

from fractions import Fraction

from msgspec import Struct

from heronwatch.words import hint


class Unit(Struct, frozen=True):
    """A unit as a linear step to its base unit: base = value * factor + offset."""

    base: str
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)


def _unit(base: str, factor: str | int = 1, offset: str | int = 0) -> Unit:
    return Unit(base, Fraction(factor), Fraction(offset))


UNITS: dict[str, Unit] = {
    "V": _unit("volts"),
    "mV": _unit("volts", "1/1000"),
    "kV": _unit("volts", 1000),
    "A": _unit("amperes"),
    "mA": _unit("amperes", "1/1000"),
    "kA": _unit("amperes", 1000),
    "W": _unit("watts"),
    "mW": _unit("watts", "1/1000"),
    "kW": _unit("watts", 1000),
    "MW": _unit("watts", 10**6),
    "VA": _unit("volt_amperes"),
    "kVA": _unit("volt_amperes", 1000),
    "MVA": _unit("volt_amperes", 10**6),
    "var": _unit("vars"),
    "kvar": _unit("vars", 1000),
    "Mvar": _unit("vars", 10**6),
    "J": _unit("joules"),
    "kJ": _unit("joules", 1000),
    "MJ": _unit("joules", 10**6),
    "GJ": _unit("joules", 10**9),
    "Wh": _unit("joules", 3600),
    "kWh": _unit("joules", 3_600_000),
    "MWh": _unit("joules", 3_600_000_000),
    "varh": _unit("var_seconds", 3600),
    "kvarh": _unit("var_seconds", 3_600_000),
    "VAh": _unit("volt_ampere_seconds", 3600),
    "kVAh": _unit("volt_ampere_seconds", 3_600_000),
    "Ah": _unit("coulombs", 3600),
    "mAh": _unit("coulombs", "36/10"),
    "Hz": _unit("hertz"),
    "kHz": _unit("hertz", 1000),
    "MHz": _unit("hertz", 10**6),
    "GHz": _unit("hertz", 10**9),
    "rpm": _unit("hertz", "1/60"),
    "ohm": _unit("ohms"),
    "kohm": _unit("ohms", 1000),
    "Mohm": _unit("ohms", 10**6),
    "%": _unit("ratio", "1/100"),
    "permille": _unit("ratio", "1/1000"),
    "ratio": _unit("ratio"),
    "C": _unit("celsius"),
    "°C": _unit("celsius"),
    "F": _unit("celsius", "5/9", "-160/9"),
    "°F": _unit("celsius", "5/9", "-160/9"),
    "K": _unit("celsius", 1, "-273.15"),
    "us": _unit("seconds", "1/1000000"),
    "ms": _unit("seconds", "1/1000"),
    "s": _unit("seconds"),
    "min": _unit("seconds", 60),
    "h": _unit("seconds", 3600),
    "d": _unit("seconds", 86400),
    "bit": _unit("bytes", "1/8"),
    "B": _unit("bytes"),
    "kB": _unit("bytes", 1000),
    "MB": _unit("bytes", 10**6),
    "GB": _unit("bytes", 10**9),
    "KiB": _unit("bytes", 1024),
    "MiB": _unit("bytes", 1024**2),
    "GiB": _unit("bytes", 1024**3),
    "TiB": _unit("bytes", 1024**4),
    "mm": _unit("meters", "1/1000"),
    "cm": _unit("meters", "1/100"),
    "m": _unit("meters"),
    "km": _unit("meters", 1000),
    "m/s": _unit("meters_per_second"),
    "km/h": _unit("meters_per_second", "10/36"),
    "g": _unit("grams"),
    "kg": _unit("grams", 1000),
    "t": _unit("grams", 10**6),
    "L": _unit("cubic_meters", "1/1000"),
    "m3": _unit("cubic_meters"),
    "L/h": _unit("cubic_meters_per_second", "1/3600000"),
    "L/min": _unit("cubic_meters_per_second", "1/60000"),
    "L/s": _unit("cubic_meters_per_second", "1/1000"),
    "m3/h": _unit("cubic_meters_per_second", "1/3600"),
    "Pa": _unit("pascals"),
    "hPa": _unit("pascals", 100),
    "kPa": _unit("pascals", 1000),
    "mbar": _unit("pascals", 100),
    "bar": _unit("pascals", 100_000),
    "psi": _unit("pascals", "8896443230521/1290320000"),  # 4.4482216152605 N on (0.0254 m)^2, both exact by definition
    "lx": _unit("lux"),
    "W/m2": _unit("watts_per_square_meter"),
    "deg": _unit("degrees"),
    "ppm": _unit("ratio", "1/1000000"),
}

BASES = tuple(sorted({unit.base for unit in UNITS.values()}, key=lambda base: (-len(base), base)))
"""Base units by falling length, so that the longest suffix of a name is found first."""

NOT_BASE: dict[str, str] = {
    "volt": "volts",
    "millivolts": "volts",
    "kilovolts": "volts",
    "amps": "amperes",
    "milliamps": "amperes",
    "milliamperes": "amperes",
    "kw": "watts",
    "kilowatts": "watts",
    "megawatts": "watts",
    "wh": "joules",
    "kwh": "joules",
    "mwh": "joules",
    "kilowatt_hours": "joules",
    "watt_hours": "joules",
    "kilojoules": "joules",
    "percent": "ratio",
    "percentage": "ratio",
    "fahrenheit": "celsius",
    "kelvin": "celsius",
    "microseconds": "seconds",
    "milliseconds": "seconds",
    "ms": "seconds",
    "minutes": "seconds",
    "hours": "seconds",
    "days": "seconds",
    "bits": "bytes",
    "kilobytes": "bytes",
    "megabytes": "bytes",
    "gigabytes": "bytes",
    "kb": "bytes",
    "mb": "bytes",
    "gb": "bytes",
    "millimeters": "meters",
    "kilometers": "meters",
    "kilograms": "grams",
    "liters": "cubic_meters",
    "litres": "cubic_meters",
    "kilohertz": "hertz",
    "megahertz": "hertz",
    "rpm": "hertz",
    "bar": "pascals",
    "hectopascals": "pascals",
    "kilopascals": "pascals",
}
"""Endings of names that are a unit, but not a base unit, and what to use instead."""


def base_of(name: str) -> str | None:
    """Return the base unit that a metric name ends in, if any.

    >>> base_of("electrical_energy_joules_total"), base_of("inverter_state")
    ('joules', None)
    """
    stem = name.removesuffix("_total")
    return next((base for base in BASES if stem == base or stem.endswith(f"_{base}")), None)


def wrong_base(name: str) -> tuple[str, str] | None:
    """Return the ending of a name that is no base unit and the base unit to use, if so.

    >>> wrong_base("meter_energy_kwh_total")
    ('kwh', 'joules')
    >>> wrong_base("meter_energy_joules_total") is None
    True
    """
    stem = name.lower().removesuffix("_total")
    return next(((wrong, base) for wrong, base in NOT_BASE.items() if stem.endswith(f"_{wrong}")), None)


def conversion(unit: str, name: str) -> Unit:
    """Return the step from `unit` to the base unit that `name` ends in; ValueError says why there is none.

    >>> conversion("kWh", "electrical_energy_joules_total").factor
    Fraction(3600000, 1)
    >>> conversion("kWh", "load_watts")
    Traceback (most recent call last):
    ValueError: 'kWh' becomes joules, but the name 'load_watts' ends in watts
    """
    known = UNITS.get(unit)
    if known is None:
        raise ValueError(f"{unit!r} is not a known unit{hint(unit, list(UNITS))}")
    base = base_of(name)
    if base == known.base:
        return known
    found = f"ends in {base}" if base else f"names no unit (end it in '_{known.base}')"
    raise ValueError(f"{unit!r} becomes {known.base}, but the name {name!r} {found}")
