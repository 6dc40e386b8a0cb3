"""Settings of a node process: what ``process.toml`` may say beyond every process's settings."""

from pydantic import Field

from runtime.site.settings import ProcessSettings


class NodeSettings(ProcessSettings):
    """``process.toml`` of a node."""

    # Replies leave at multiples of this, counted from the call's arrival.
    reply_step_ms: int = Field(default=200, ge=0, le=10_000)
    # How old a registrar's revocation list may be.
    revocation_max_age_s: int = Field(default=120, ge=1, le=86_400)
    # How far another process's clock may be ahead.
    clock_skew_s: int = Field(default=30, ge=0, le=600)
    # The node's update cycle: how long people may be held and not indexed before it refuses.
    index_grace_s: int = Field(default=0, ge=0, le=30 * 86_400)
    enrol_batch: int = Field(default=256, ge=1, le=256)
    enrol_timeout_s: int = Field(default=30, ge=1, le=600)
    max_csv_bytes: int = Field(default=512 << 20, ge=1 << 10, le=8 << 30)
    import_write_timeout_s: int = Field(default=120, ge=1, le=3600)
    # Prepared randomisers, filled while nobody asks.
    randomiser_pool: int = Field(default=32, ge=0, le=4096)
    # Answers whose values are opened to reviewers within 24 hours, whatever the registrar grants.
    max_opened_a_day: int = Field(default=100, ge=0, le=100_000)
    ledger_write_timeout_s: int = Field(default=5, ge=1, le=60)
