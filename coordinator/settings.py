"""Settings of the coordinator's ``process.toml``."""

from pydantic import Field

from runtime.site.settings import ProcessSettings


class CoordinatorSettings(ProcessSettings):
    """What every process has, and how hard the coordinator works."""

    parallel_cases: int = Field(default=4, ge=1, le=64)
    # One call to registrar or department; and one step of a key holder, which computes longer.
    call_timeout_s: int = Field(default=20, ge=1, le=300)
    holder_timeout_s: int = Field(default=60, ge=1, le=600)
    retry_first_ms: int = Field(default=500, ge=10, le=60_000)
    retry_max_ms: int = Field(default=10_000, ge=10, le=600_000)
    revocations_refresh_s: int = Field(default=30, ge=1, le=3600)
    # How often checkpoints are exchanged with all processes, at most; 0: never.
    witness_every_s: int = Field(default=60, ge=0, le=86_400)
    # A ticket that expires within this time is renewed before it is sent.
    ticket_margin_s: int = Field(default=120, ge=1, le=3600)
    # How long a case's records are kept once it is over. Three years are the least that rules on
    # records of data provided demand.
    retention_days: int = Field(default=1_095, ge=1_095, le=36_500)
