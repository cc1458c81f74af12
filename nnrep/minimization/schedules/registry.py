"""The schedules by name."""

from nnrep.choices.registry import Registry
from nnrep.minimization.schedules.settings import ScheduleConfig

SCHEDULES: Registry[type[ScheduleConfig]] = Registry.of_group("schedule", "schedule")
