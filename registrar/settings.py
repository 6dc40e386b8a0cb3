"""Settings of the registrar: ``process.toml`` with a table of its own."""

from pydantic import Field

from runtime.site.settings import ProcessSettings, Settings


class RegistrarLimits(Settings):
    """``[registrar]``."""

    ticket_life_s: int = Field(default=7_200, ge=60, le=86_400)
    manifest_life_s: int = Field(default=7 * 86_400, ge=3_600, le=90 * 86_400)
    permit_life_s: int = Field(default=3_600, ge=60, le=86_400)
    # How old an officer's signed request may be, and how far ahead its clock.
    request_max_age_s: int = Field(default=300, ge=10, le=3_600)
    request_max_ahead_s: int = Field(default=60, ge=0, le=3_600)
    # Of one authorization, further ones with a reason and two signatures included.
    max_manifests: int = Field(default=6, ge=1, le=1_000)
    accept_timeout_s: int = Field(default=5, ge=1, le=60)
    # Dates in a letter are days of this zone; 480 is China's.
    utc_offset_minutes: int = Field(default=480, ge=-840, le=840)
    # How long a letter's records are kept once it is over. Three years are the least that rules on
    # records of data provided demand.
    retention_days: int = Field(default=1_095, ge=1_095, le=36_500)
    # Entries that a reviewer may draw at once, and that all of them may within 24 hours.
    max_sample: int = Field(default=20, ge=1, le=500)
    max_sampled_a_day: int = Field(default=100, ge=1, le=100_000)
    # How long a drawn entry may be opened, and a department's answer with the grant.
    sample_life_s: int = Field(default=86_400, ge=60, le=30 * 86_400)
    evaluation_threads: int = Field(default=2, ge=1, le=64)


class RegistrarSettings(ProcessSettings):
    """``process.toml`` of a registrar."""

    registrar: RegistrarLimits = RegistrarLimits()
