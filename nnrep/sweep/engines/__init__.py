"""Who does the work of a sweep: processes of this machine, or an existing distributed engine."""
