"""From the keys of the command line to a plan: schema, composition, checks, messages that name a key."""
