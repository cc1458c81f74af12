"""The stages of a run by name: one schedule a file, see `ScheduleConfig`."""
