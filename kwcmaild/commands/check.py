"""`kwcmaild check`: everything that is wrong in all YAML files, at once."""

import json
from typing import Annotated

import typer

from config.check import check as problems_of
from kwcmaild.commands.options import DEFAULT, ConfigFile

AsJson = Annotated[bool, typer.Option("--json", help="One array of {file, line, key, problem}.")]


def check(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Tell every problem of the configuration as file:line: key: problem; exit status 1 if there is one."""
    problems = problems_of(config)
    if as_json:
        rows = [
            {"file": str(problem.file), "line": problem.line, "key": problem.key, "problem": problem.text}
            for problem in problems
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(str(problem))
    if problems:
        raise typer.Exit(1)
