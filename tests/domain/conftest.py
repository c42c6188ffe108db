"""Pure functions need no deadline: on a busy machine it would fail for the machine's reasons, not for ours."""

from hypothesis import HealthCheck, settings

settings.register_profile("pure", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pure")
