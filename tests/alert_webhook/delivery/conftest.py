"""Tests of delivery run on SQLite; on PostgreSQL as well where a test asks for both."""

from tests.alert_webhook.web.conftest import both_databases, engine

__all__ = ["both_databases", "engine"]
