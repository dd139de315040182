"""`python -m kivendtout.lib.messages compile | update | check`"""

from __future__ import annotations

import sys

from kivendtout.lib.messages import check_all, compile_all, update_all


def main(arguments: list[str]) -> int:
    if arguments == ["compile"]:
        sys.stdout.write(f"{len(compile_all())} catalogues compiled.\n")
        return 0
    if arguments not in (["update"], ["check"]):
        sys.stderr.write("Say one of: compile, update, check.\n")
        return 2
    problems = update_all() if arguments == ["update"] else check_all()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    if problems:
        sys.stdout.write(f"{len(problems)} texts to translate in locale/.\n")
        return 1
    sys.stdout.write("Every text has its French and its English.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
