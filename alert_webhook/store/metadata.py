"""What every table is declared with: the registry of tables, names of constraints, types of columns."""

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only in a column whose type is exactly INTEGER
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SECONDS: sa.Double[float] = sa.Double()
