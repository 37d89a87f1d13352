"""`micgate completion`: the script that a shell sources."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    short_help="Print the completion script for a shell.",
    epilog="""\b
Example:  micgate completion bash >> ~/.bash_completion
          micgate completion zsh > "${fpath[1]}/_micgate"
          micgate completion fish > ~/.config/fish/completions/micgate.fish""",
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL: bash, zsh or fish."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 -- click has these three
    script = kind(ctx.find_root().command, {}, "micgate", "_MICGATE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
