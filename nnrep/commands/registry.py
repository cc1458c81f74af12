"""The verbs by name."""

from nnrep.choices.registry import Registry
from nnrep.commands.command import Command

COMMANDS: Registry[Command] = Registry("verb", "nnrep.commands")
