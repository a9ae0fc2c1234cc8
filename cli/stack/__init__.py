"""The embedded stack: everything that Guerdon needs, as separate processes on loopback."""

from cli.stack.environment import Urls, environment
from cli.stack.ports import Ports, StackError
from cli.stack.stack import Stack

__all__ = ["Ports", "Stack", "StackError", "Urls", "environment"]
