"""Groups of commands: a near miss is answered, and a command is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Group(click.Group):
    """A group that shows its help when no command is named, and says which one may be meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name.lower(), self.list_commands(ctx), 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"See '{ctx.command_path} --help'."
            raise click.UsageError(f"no command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose help is a table: name -> (module of `package` with the `command`, a line)."""

    def __init__(
        self, *args: Any, table: Mapping[str, tuple[str, str]], package: str, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.table, self.package = table, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        command = import_module(f"{self.package}.{self.table[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])
