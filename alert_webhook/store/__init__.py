"""The database: its tables, its migrations, and every statement. Nobody else imports SQLAlchemy."""
