"""The block `feedback` of the configuration."""

from collections.abc import Iterable

import msgspec

from heronwatch.secrets import Secret

SHORTEST_TOKEN = 16


class FeedbackBlock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may say that an alarm was false: whoever has `bearer_token`. Verdicts are kept in `settings.state_dir`."""

    bearer_token: Secret

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """A token that cannot be guessed."""
        if len(self.bearer_token.reveal()) < SHORTEST_TOKEN:
            yield "bearer_token", f"shorter than {SHORTEST_TOKEN} characters: make one with openssl rand -hex 24"
