"""Password hashes that cost a thousandth of what ours cost: a test signs in hundreds of times."""

from argon2 import PasswordHasher


def quick_hash(password: str) -> str:
    """An argon2id hash with the least parameters there are; it is verified like any other."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
